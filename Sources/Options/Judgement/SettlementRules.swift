/// R17, C02, C10, C12 and C13: the contracts' limits, what becomes of them, and whether they suit.
struct SettlementRules {
    private let known: Evidence
    private let limits: Thresholds

    init(_ known: Evidence, _ limits: Thresholds) {
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        report.add(positionLimit())
        report.add(suitability())
        report.add(dayTrading())
        report.add(washSale())
        report.add(exercise())
    }

    // MARK: - Limits

    private func positionLimit() -> Finding? {
        let limit = Underlyings.positionLimit(known.subject.ticker) ?? limits.positionLimit
        let most = PositionSides(known).most
        // Alone, the legs can only show that there is too much.
        guard known.subject.book != nil || most > Double(limit) else { return nil }
        return result(
            "C02",
            .block,
            holds: most <= Double(limit),
            "{n} contracts on one side, at most {n}.",
            most,
            Double(limit)
        )
    }

    private func suitability() -> Finding? {
        guard let alternatives = known.subject.alternatives else { return nil }
        guard let tolerance = known.subject.tolerance else {
            return result("C10", .information, holds: false, "No profile: information only.")
        }
        if alternatives >= limits.alternativesMin {
            return result(
                "C10",
                .warning,
                holds: true,
                "Compared with {n} others by what is known of the customer.",
                Double(alternatives)
            )
        }
        let used =
            ["risk tolerance \(tolerance.rawValue)"]
            + [
                known.subject.maxLossUSD.map { _ in "largest loss" },
                known.subject.account.approvalLevel.map { _ in "approval level" },
                known.subject.outlook.map { _ in "outlook" },
                known.subject.book.map { _ in "holdings" },
            ].compactMap { $0 }
        return failure(
            "C10",
            .warning,
            "Compared with \(alternatives) others by \(Wording.list(used))."
        )
    }

    /// Nothing that is offered ends the day it begins; what has been done already may matter.
    private func dayTrading() -> Finding? {
        guard let trades = known.subject.account.dayTrades else { return nil }
        let many = trades > limits.dayTradesMax
        let equity = known.subject.account.equityUSD ?? 0
        let isFree =
            known.subject.account.dayTradeRegime == .intraday || equity >= limits.dayTradeEquity
        let regime =
            known.subject.account.dayTradeRegime?.rawValue ?? "pdt or intraday, not known which"
        return result(
            "C12",
            .warning,
            failsWith: many && !isFree
                ? "\(trades) day trades in five days, regime \(regime)." : nil,
            "No more day trades than are allowed."
        )
    }

    private func washSale() -> Finding? {
        guard let losses = known.subject.account.losses else { return nil }
        let recent = losses.filter {
            abs($0.days(until: known.today)) <= limits.washDays
        }
        let acquires = known.subject.legs.contains { leg in
            switch (leg.instrument, leg.action) {
            case (.stock, .buy), (.option(.call, _), .buy): true
            case (.option(.put, let strike), .sell):
                strike.dollars >= (1 + limits.deepPutShare) * known.subject.market.spot
            default: false
            }
        }
        return result(
            "C13",
            .warning,
            failsWith: acquires
                ? recent.min().map { "A loss of \($0) lies within \(limits.washDays) days." } : nil,
            "Nothing is acquired within days of a loss."
        )
    }

    // MARK: - Expiry

    /// Options in the money are exercised unless told otherwise in good time; that takes cash.
    private func exercise() -> Finding? {
        guard let front = Leg.firstExpiry(known.subject.legs) else { return nil }
        if Underlyings.isBroadIndex(known.subject.ticker) {
            return result("R17", .warning, holds: true, "It settles in cash.")
        }
        if TradingCalendar.session(on: front) == .short {
            return failure(
                "R17",
                .warning,
                "\(front) closes early: instructions until 14:30 in New York."
            )
        }
        guard let power = known.subject.account.buyingPowerUSD else { return nil }
        var needed = 0.0
        var isSpread = false
        for leg in known.subject.legs where leg.expiry == front {
            isSpread = isSpread || leg.action == .sell
            guard leg.action == .buy, case .option(.call, let strike) = leg.instrument else {
                continue
            }
            needed = max(needed, strike.dollars * Double(leg.signedShares))
        }
        return result(
            "R17",
            .warning,
            holds: isSpread || needed <= power,
            "Exercise may take {$} of {$}; instructions until 17:30 in New York on the last day.",
            needed,
            power
        )
    }
}

/// Contracts on the two sides of the market: long calls and short puts are one, the other two the
/// other.
struct PositionSides {
    private var up = 0.0
    private var down = 0.0
    var most: Double { max(up, down) }

    /// Of the legs and the book together.
    init(_ known: Evidence) {
        for leg in known.subject.legs { add(leg.instrument, Double(leg.signedShares)) }
        for exposure in known.subject.book?.exposures ?? [] {
            add(exposure.instrument, exposure.shares)
        }
    }

    private mutating func add(_ instrument: Instrument, _ shares: Double) {
        guard let right = instrument.right else { return }
        let contracts = shares.magnitude / Double(Limits.standardMultiplier)
        if (right == .call) == (shares > 0) { up += contracts } else { down += contracts }
    }
}
