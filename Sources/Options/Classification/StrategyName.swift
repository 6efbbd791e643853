/// The strategies of the catalogue, by the names that documents use.
package enum StrategyName: String, Hashable, Sendable, CaseIterable {
    case longCall = "long_call"
    case longPut = "long_put"
    case coveredCall = "covered_call"
    case cashSecuredPut = "cash_secured_put"
    case protectivePut = "protective_put"
    case collar
    case coveredPut = "covered_put"
    case protectiveCall = "protective_call"
    case bullCallSpread = "bull_call_spread"
    case bearPutSpread = "bear_put_spread"
    case bullPutSpread = "bull_put_spread"
    case bearCallSpread = "bear_call_spread"
    case longStraddle = "long_straddle"
    case shortStraddle = "short_straddle"
    case longStrangle = "long_strangle"
    case shortStrangle = "short_strangle"
    case ironCondor = "iron_condor"
    case ironButterfly = "iron_butterfly"
    case reverseIronCondor = "reverse_iron_condor"
    case reverseIronButterfly = "reverse_iron_butterfly"
    case longCallButterfly = "long_call_butterfly"
    case longPutButterfly = "long_put_butterfly"
    case brokenWingButterfly = "broken_wing_butterfly"
    case callCondor = "call_condor"
    case putCondor = "put_condor"
    case callCalendar = "call_calendar"
    case putCalendar = "put_calendar"
    case diagonal
    case poorMansCoveredCall = "poor_mans_covered_call"
    case doubleCalendar = "double_calendar"
    case doubleDiagonal = "double_diagonal"
    case ratioSpread = "ratio_spread_1x2"
    case backSpread = "back_spread"
    case jadeLizard = "jade_lizard"
    case riskReversal = "risk_reversal"
    case syntheticLong = "synthetic_long"
    case syntheticShort = "synthetic_short"
    /// Cash-secured puts until assigned, covered calls until called away: never one set of legs.
    case wheel
    case box
    case conversion
    case reversal
    case stockRepair = "stock_repair"
    case coveredStrangle = "covered_strangle"
    case seagull
    case ladder
    /// Anything else. What it risks and needs is computed, never guessed from a name.
    case custom

    /// The row of the catalogue, 1–37; nil for `custom`.
    package var row: Int? {
        switch self {
        case .longCall: 1
        case .longPut: 2
        case .coveredCall: 3
        case .cashSecuredPut: 4
        case .protectivePut: 5
        case .collar: 6
        case .coveredPut: 7
        case .protectiveCall: 8
        case .bullCallSpread: 9
        case .bearPutSpread: 10
        case .bullPutSpread: 11
        case .bearCallSpread: 12
        case .longStraddle: 13
        case .shortStraddle: 14
        case .longStrangle: 15
        case .shortStrangle: 16
        case .ironCondor: 17
        case .ironButterfly: 18
        case .reverseIronCondor, .reverseIronButterfly: 19
        case .longCallButterfly, .longPutButterfly: 20
        case .brokenWingButterfly: 21
        case .callCondor, .putCondor: 22
        case .callCalendar, .putCalendar: 23
        case .diagonal: 24
        case .poorMansCoveredCall: 25
        case .doubleCalendar, .doubleDiagonal: 26
        case .ratioSpread: 27
        case .backSpread: 28
        case .jadeLizard: 29
        case .riskReversal: 30
        case .syntheticLong, .syntheticShort: 31
        case .wheel: 32
        case .box: 33
        case .conversion, .reversal: 34
        case .stockRepair: 35
        case .coveredStrangle: 36
        case .seagull, .ladder: 37
        case .custom: nil
        }
    }

    /// The approval level of the catalogue: 1 covered and cash-secured, 2 long options, 3
    /// spreads, 4 uncovered. Nil where the legs decide.
    package var level: Int? {
        switch self {
        case .coveredCall, .cashSecuredPut, .protectivePut, .collar, .wheel, .coveredStrangle: 1
        case .longCall, .longPut, .protectiveCall, .longStraddle, .longStrangle: 2
        case .bullCallSpread, .bearPutSpread, .bullPutSpread, .bearCallSpread, .ironCondor,
            .ironButterfly, .reverseIronCondor, .reverseIronButterfly, .longCallButterfly,
            .longPutButterfly, .brokenWingButterfly, .callCondor, .putCondor, .callCalendar,
            .putCalendar, .diagonal, .poorMansCoveredCall, .doubleCalendar, .doubleDiagonal,
            .backSpread, .box, .conversion, .reversal, .stockRepair:
            3
        case .coveredPut, .shortStraddle, .shortStrangle, .ratioSpread, .jadeLizard,
            .riskReversal, .syntheticLong, .syntheticShort:
            4
        case .seagull, .ladder, .custom: nil
        }
    }
}

extension StrategyName {
    /// `Bull put spread`.
    var words: String { Self.written[self] ?? rawValue }

    private static let written: [StrategyName: String] = {
        var written: [StrategyName: String] = [:]
        for name in allCases {
            let words = name.rawValue.split(separator: "_").joined(separator: " ")
            written[name] = words.prefix(1).uppercased() + words.dropFirst()
        }
        return written
    }()
}
