/// S04, S05, R17, C02, C10, C12 and C13: the contracts' names, their limits, what becomes of
/// them, and whether they suit.
struct SettlementRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] {
        symbols() + positionLimit() + suitability() + dayTrading() + washSale() + exercise()
    }

    // MARK: - Names

    private func symbols() -> [RuleResult] {
        let stated = subject.claims?.symbols ?? []
        var foreign: String?
        var wrong: String?
        var rewritten: String?
        for (leg, text) in zip(subject.legs, stated) {
            guard let text, case .option(let right, let strike) = leg.instrument,
                let expiry = leg.expiry
            else { continue }
            guard let symbol = OSISymbol(text) else {
                rewritten = rewritten ?? text
                continue
            }
            let root = Underlyings.underlying(ofRoot: symbol.root)
            let own = subject.ticker
            if symbol.isAdjusted || root != own && symbol.root != OSISymbol.root(forTicker: own) {
                foreign = foreign ?? text
            }
            let agrees =
                symbol.right == right && symbol.strike == strike && symbol.expiry == expiry
            if !agrees { wrong = wrong ?? text }
        }
        let own = result(
            "S04",
            .block,
            holds: foreign == nil,
            foreign.map {
                "\($0) is no standard contract on \(subject.ticker)."
            } ?? "Every leg stands on \(subject.ticker)."
        )
        guard stated.contains(where: { $0 != nil }) else {
            return [own, inapplicable("S05", "Symbols are made from the legs, none is stated.")]
        }
        if let wrong {
            return [own, result("S05", .block, holds: false, "\(wrong) is another contract.")]
        }
        guard let rewritten else {
            return [own, result("S05", .repair, holds: true, "Every symbol is its leg's.")]
        }
        return [
            own,
            RuleResult(
                "S05",
                .repaired,
                severity: .repair,
                evidence: "\(rewritten) is no symbol; it is made from the leg."
            ),
        ]
    }

    // MARK: - Limits

    /// Long calls and short puts are one side of the market, the other two the other.
    private func positionLimit() -> [RuleResult] {
        let limit = Underlyings.positionLimit(subject.ticker) ?? limits.positionLimit
        let all = subject.legs.map { Exposure($0) } + (subject.book?.exposures ?? [])
        let (up, down) = PositionSides.contracts(all)
        let most = max(up, down)
        // Alone, the legs can only show that there is too much.
        guard subject.book != nil || most > Double(limit) else { return [] }
        return [
            result(
                "C02",
                .block,
                holds: most <= Double(limit),
                "\(most) contracts on one side, at most \(limit)."
            )
        ]
    }

    private func suitability() -> [RuleResult] {
        guard let alternatives = subject.alternatives else { return [] }
        guard let tolerance = subject.tolerance else {
            return [
                result("C10", .information, holds: false, "No profile: information only.")
            ]
        }
        let used =
            ["risk tolerance \(tolerance.rawValue)"]
            + [
                subject.maxLossUSD.map { _ in "largest loss" },
                subject.account.approvalLevel.map { _ in "approval level" },
                subject.outlook.map { _ in "outlook" },
                subject.book.map { _ in "holdings" },
            ].compactMap { $0 }
        return [
            result(
                "C10",
                .warning,
                holds: alternatives >= limits.alternativesMin,
                "Compared with \(alternatives) others by \(Wording.list(used))."
            )
        ]
    }

    /// Nothing that is offered ends the day it begins; what has been done already may matter.
    private func dayTrading() -> [RuleResult] {
        guard let trades = subject.account.dayTrades else { return [] }
        let many = trades > limits.dayTradesMax
        let equity = subject.account.equityUSD ?? 0
        let isFree = subject.account.dayTradeRegime == .intraday || equity >= limits.dayTradeEquity
        let regime = subject.account.dayTradeRegime?.rawValue ?? "pdt or intraday, not known which"
        return [
            result(
                "C12",
                .warning,
                holds: !many || isFree,
                "\(trades) day trades in five days, regime \(regime)."
            )
        ]
    }

    private func washSale() -> [RuleResult] {
        guard let losses = subject.account.losses else { return [] }
        let recent = losses.filter {
            abs($0.days(until: known.today)) <= limits.washDays
        }
        let acquires = subject.legs.contains { leg in
            switch (leg.instrument, leg.action) {
            case (.stock, .buy), (.option(.call, _), .buy): true
            case (.option(.put, let strike), .sell):
                strike.dollars >= (1 + limits.deepPutShare) * subject.market.spot
            default: false
            }
        }
        return [
            result(
                "C13",
                .warning,
                holds: recent.isEmpty || !acquires,
                recent.min().map {
                    "A loss of \($0) lies within \(limits.washDays) days."
                } ?? "No recent loss is stated."
            )
        ]
    }

    // MARK: - Expiry

    /// Options in the money are exercised unless told otherwise in good time; that takes cash.
    private func exercise() -> [RuleResult] {
        guard let front = subject.legs.compactMap(\.expiry).min() else { return [] }
        if Underlyings.isBroadIndex(subject.ticker) {
            return [result("R17", .warning, holds: true, "It settles in cash.")]
        }
        let isShort = TradingCalendar.session(on: front) == .short
        let until = isShort ? "14:30" : "17:30"
        if isShort {
            return [
                result(
                    "R17",
                    .warning,
                    holds: false,
                    "\(front) closes early: instructions until \(until) in New York."
                )
            ]
        }
        guard let power = subject.account.buyingPowerUSD else { return [] }
        let ends = subject.legs.filter { $0.expiry == front }
        let needed =
            ends.map { leg -> Double in
                guard leg.action == .buy, case .option(.call, let strike) = leg.instrument else {
                    return 0
                }
                return strike.dollars * Double(leg.signedShares)
            }.max() ?? 0
        let isSpread = ends.contains { $0.action == .sell }
        return [
            result(
                "R17",
                .warning,
                holds: isSpread || needed <= power,
                "Exercise may take \(needed) of \(power); instructions until \(until) on \(front)."
            )
        ]
    }
}

/// Contracts on the two sides of the market.
enum PositionSides {
    static func contracts(_ exposures: [Exposure]) -> (up: Double, down: Double) {
        var sides = (up: 0.0, down: 0.0)
        for exposure in exposures {
            guard let right = exposure.instrument.right else { continue }
            let contracts = exposure.shares.magnitude / Double(Limits.standardMultiplier)
            if (right == .call) == (exposure.shares > 0) {
                sides.up += contracts
            } else {
                sides.down += contracts
            }
        }
        return sides
    }
}
