/// Which strategy suits a view, a purse and a market: the table of the domain notes. Policy.
///
/// The first choice of a cell is the fallback's own; the others are its neighbours on the menu.
/// An empty cell means that doing nothing is the best that can be said.
package enum FallbackTable {
    package static func choices(
        _ trend: Trend,
        holdsShares: Bool,
        regime: VolatilityRegime,
        tolerance: Tolerance
    ) -> [Choice] {
        switch (trend, holdsShares) {
        case (.bullish, true): bullishWithShares(regime, tolerance)
        case (.bullish, false): bullish(regime, tolerance)
        case (.neutral, true): neutralWithShares(regime, tolerance)
        case (.neutral, false): neutral(regime, tolerance)
        case (.bearish, true): bearishWithShares(regime, tolerance)
        case (.bearish, false): bearish(regime, tolerance)
        }
    }

    private static func bullishWithShares(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, .low): [Choice(.collar)]
        case (.low, .medium): [Choice(.coveredCall(delta: 0.2))]
        case (.low, .high): [Choice(.debitSpread(.call)), Choice(.coveredCall(delta: 0.2))]
        case (.normal, .low): [Choice(.coveredCall(delta: 0.25))]
        case (.normal, .medium): [Choice(.coveredCall(delta: 0.3))]
        case (.normal, .high): [Choice(.poorMansCoveredCall), Choice(.diagonal(.call))]
        case (.high, .low): [Choice(.collar)]
        case (.high, .medium): [Choice(.coveredCall(delta: 0.3))]
        case (.high, .high):
            [Choice(.coveredCall(delta: 0.3)), Choice(.creditSpread(.put, delta: 0.25))]
        case (.extreme, .low): [Choice(.putSpreadCollar), Choice(.collar)]
        case (.extreme, .medium): [Choice(.collar)]
        case (.extreme, .high): [Choice(.coveredCall(delta: 0.3), half: true)]
        }
    }

    private static func bullish(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, .low), (.low, .medium): [Choice(.debitSpread(.call))]
        case (.low, .high): [Choice(.long(.call, delta: 0.65)), Choice(.poorMansCoveredCall)]
        case (.normal, .low):
            [Choice(.cashSecuredPut(delta: 0.15)), Choice(.debitSpread(.call))]
        case (.normal, .medium): [Choice(.debitSpread(.call))]
        case (.normal, .high): [Choice(.diagonal(.call)), Choice(.debitSpread(.call))]
        case (.high, .low): [Choice(.creditSpread(.put, delta: 0.18))]
        case (.high, .medium): [Choice(.creditSpread(.put, delta: 0.27))]
        case (.high, .high): [Choice(.creditSpread(.put, delta: 0.3))]
        case (.extreme, .low): [Choice(.creditSpread(.put, delta: 0.1), half: true)]
        case (.extreme, .medium): [Choice(.creditSpread(.put, delta: 0.15))]
        case (.extreme, .high): [Choice(.creditSpread(.put, delta: 0.22))]
        }
    }

    private static func neutralWithShares(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, _), (.normal, _): [Choice(.coveredCall(delta: 0.25))]
        case (.high, .low): [Choice(.collar)]
        case (.high, .medium): [Choice(.coveredCall(delta: 0.3))]
        case (.high, .high):
            [Choice(.coveredCall(delta: 0.3)), Choice(.ironCondor(delta: 0.16))]
        case (.extreme, .low), (.extreme, .medium): [Choice(.collar)]
        case (.extreme, .high): [Choice(.coveredCall(delta: 0.3), half: true)]
        }
    }

    private static func neutral(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, .low): []
        case (.low, .medium): [Choice(.callCalendar)]
        case (.low, .high): [Choice(.callButterfly), Choice(.callCalendar)]
        case (.normal, .low): [Choice(.ironCondor(delta: 0.13))]
        case (.normal, .medium): [Choice(.ironCondor(delta: 0.18))]
        case (.normal, .high): [Choice(.ironButterfly), Choice(.ironCondor(delta: 0.2))]
        case (.high, .low): [Choice(.ironCondor(delta: 0.11))]
        case (.high, .medium): [Choice(.ironCondor(delta: 0.16))]
        case (.high, .high): [Choice(.ironCondor(delta: 0.2))]
        case (.extreme, .low): []
        case (.extreme, .medium): [Choice(.ironCondor(delta: 0.09), half: true)]
        case (.extreme, .high): [Choice(.ironCondor(delta: 0.14), half: true)]
        }
    }

    private static func bearishWithShares(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, .low): [Choice(.protectivePut(delta: 0.3))]
        case (.low, .medium): [Choice(.collar)]
        case (.low, .high): [Choice(.collar), Choice(.debitSpread(.put))]
        case (.normal, .low), (.normal, .medium): [Choice(.collar)]
        case (.normal, .high): [Choice(.debitSpread(.put)), Choice(.collar)]
        case (.high, .low): [Choice(.collar)]
        case (.high, .medium), (.high, .high): [Choice(.putSpreadCollar), Choice(.collar)]
        case (.extreme, .low): [Choice(.collar)]
        case (.extreme, .medium): [Choice(.putSpreadCollar), Choice(.collar)]
        case (.extreme, .high): [Choice(.putSpreadCollar, half: true), Choice(.collar, half: true)]
        }
    }

    private static func bearish(
        _ regime: VolatilityRegime,
        _ tolerance: Tolerance
    ) -> [Choice] {
        switch (regime, tolerance) {
        case (.low, .low), (.low, .medium): [Choice(.debitSpread(.put))]
        case (.low, .high): [Choice(.long(.put, delta: 0.65)), Choice(.debitSpread(.put))]
        case (.normal, .low), (.normal, .medium): [Choice(.debitSpread(.put))]
        case (.normal, .high): [Choice(.diagonal(.put)), Choice(.debitSpread(.put))]
        case (.high, .low): [Choice(.creditSpread(.call, delta: 0.18))]
        case (.high, .medium): [Choice(.creditSpread(.call, delta: 0.27))]
        case (.high, .high): [Choice(.creditSpread(.call, delta: 0.3))]
        case (.extreme, .low): []
        case (.extreme, .medium): [Choice(.creditSpread(.call, delta: 0.15))]
        case (.extreme, .high): [Choice(.creditSpread(.call, delta: 0.2))]
        }
    }
}
