/// What a set of legs is, by its legs alone: nobody's name for it is believed.
package struct Classification: Hashable, Sendable {
    package enum Risk: String, Hashable, Sendable, CaseIterable {
        /// There is a largest loss.
        case defined
        /// The loss grows without end with the underlying, now or once a covering leg is gone.
        case undefined
    }

    package let name: StrategyName
    /// The approval level it needs: 1 covered and cash-secured, 2 long, 3 spreads, 4 uncovered.
    package let level: Int
    package let risk: Risk
    /// Shares that short calls would have to deliver, and short puts to take, beyond what other
    /// legs cover; the most at any time until the last expiry.
    package let uncoveredCallShares: Int
    package let uncoveredPutShares: Int
}

/// Finds the row of the catalogue that a set of legs fills.
package enum Classifier {
    /// - Parameter spot: Dollars; tells the poor man's covered call from other diagonals.
    package static func classify(_ legs: [Leg], spot: Double? = nil) -> Classification {
        classify(RankedLeg.rank(legs), spot: spot)
    }

    package static func classify(_ legs: [RankedLeg], spot: Double? = nil) -> Classification {
        let name = name(of: Shape(legs), spot: spot)
        let cover = Cover(legs)
        return Classification(
            name: name,
            level: name.level ?? cover.level,
            risk: cover.uncoveredCallShares > 0 ? .undefined : .defined,
            uncoveredCallShares: cover.uncoveredCallShares,
            uncoveredPutShares: cover.uncoveredPutShares
        )
    }

    private static func name(of shape: Shape, spot: Double?) -> StrategyName {
        guard let form = shape.form else { return .custom }
        if let name = forms[form] {
            switch name {
            case .longCallButterfly, .longPutButterfly:
                let strikes = shape.options.map(\.strike.micros)
                let even = strikes[1] - strikes[0] == strikes[2] - strikes[1]
                return even ? name : .brokenWingButterfly
            case .diagonal:
                return isPoorMansCoveredCall(shape, spot) ? .poorMansCoveredCall : name
            default: return name
            }
        }
        return shape.expiries == 2 && shape.stock == 0 ? double(shape) : .custom
    }

    /// A long call deep in the money, at least a tenth below the spot, under a front one that is
    /// not in it.
    private static func isPoorMansCoveredCall(_ shape: Shape, _ spot: Double?) -> Bool {
        guard let spot, let long = shape.options.first, let short = shape.options.last
        else { return false }
        return long.right == .call && long.units > 0 && long.strike.dollars <= 0.9 * spot
            && short.strike.dollars >= spot
    }

    /// Two calendars, or two diagonals, between the same two expiries.
    private static func double(_ shape: Shape) -> StrategyName {
        let short = shape.options.filter { $0.expiry == 0 && $0.units == -1 }
        let long = shape.options.filter { $0.expiry == 1 && $0.units == 1 }
        guard shape.options.count == 4, short.count == 2, long.count == 2 else { return .custom }
        func order(_ a: Shape.Contract, _ b: Shape.Contract) -> Bool {
            (a.right.sign, a.strike.micros) < (b.right.sign, b.strike.micros)
        }
        let pairs = zip(short.sorted(by: order), long.sorted(by: order))
        guard pairs.allSatisfy({ $0.right == $1.right }) else { return .custom }
        let straight = pairs.count { $0.strike == $1.strike }
        return straight == 2 ? .doubleCalendar : straight == 0 ? .doubleDiagonal : .custom
    }

    /// The catalogue's forms. Legs stand in the order of strike, put before call, expiry.
    private static let forms: [Form: StrategyName] = {
        var forms: [Form: StrategyName] = [:]
        for (written, name) in rows {
            if let form = Form(written) { forms[form] = name }
        }
        return forms
    }()

    private static let rows: [String: StrategyName] = [
        "+C1": .longCall, "+P1": .longPut, "-P1": .cashSecuredPut,
        "+S -C1": .coveredCall, "+S +P1": .protectivePut, "+S +P1 -C2": .collar,
        "-S -P1": .coveredPut, "-S +C1": .protectiveCall,
        "+C1 -C2": .bullCallSpread, "-P1 +P2": .bearPutSpread,
        "+P1 -P2": .bullPutSpread, "-C1 +C2": .bearCallSpread,
        "+P1 +C1": .longStraddle, "-P1 -C1": .shortStraddle,
        "+P1 +C2": .longStrangle, "-P1 -C2": .shortStrangle,
        "+P1 -P2 -C3 +C4": .ironCondor, "+P1 -P2 -C2 +C3": .ironButterfly,
        "-P1 +P2 +C3 -C4": .reverseIronCondor, "-P1 +P2 +C2 -C3": .reverseIronButterfly,
        "+C1 -2C2 +C3": .longCallButterfly, "+P1 -2P2 +P3": .longPutButterfly,
        "+C1 -C2 -C3 +C4": .callCondor, "+P1 -P2 -P3 +P4": .putCondor,
        "-Ca1 +Cb1": .callCalendar, "-Pa1 +Pb1": .putCalendar,
        "-Ca1 +Cb2": .diagonal, "+Cb1 -Ca2": .diagonal,
        "-Pa1 +Pb2": .diagonal, "+Pb1 -Pa2": .diagonal,
        "+C1 -2C2": .ratioSpread, "-2P1 +P2": .ratioSpread,
        "-C1 +2C2": .backSpread, "+2P1 -P2": .backSpread,
        "-P1 -C2 +C3": .jadeLizard, "-P1 +C2": .riskReversal,
        "-P1 +C1": .syntheticLong, "+P1 -C1": .syntheticShort,
        "-P1 +C1 +P2 -C2": .box, "+P1 -C1 -P2 +C2": .box,
        "+S +P1 -C1": .conversion, "-S -P1 +C1": .reversal,
        "+S +C1 -2C2": .stockRepair, "+S -P1 -C2": .coveredStrangle,
        "-P1 +C2 -C3": .seagull, "-P1 +P2 -C3": .seagull,
        "+C1 -C2 -C3": .ladder, "-P1 -P2 +P3": .ladder,
        "-C1 +C2 +C3": .ladder, "+P1 +P2 -P3": .ladder,
    ]
}
