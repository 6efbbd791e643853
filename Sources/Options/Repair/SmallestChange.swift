/// One figure of the request which, changed so far and no further, would let something pass. It
/// is tried before it is told.
package struct SmallestChange: Hashable, Sendable {
    package enum Field: String, Hashable, Sendable, CaseIterable {
        case maxLoss = "risk_preferences.max_loss"
        case maxDebit = "risk_preferences.max_debit_usd"
        case riskTolerance = "risk_preferences.risk_tolerance"
        case buyingPower = "account.buying_power_usd"
        case approvalLevel = "account.approval_level"
    }

    package let field: Field
    /// The rule that bound.
    package let rule: String
    package let from: String
    package let to: String

    /// `max_loss $500.00: at least $620.00 would be needed (R01).`
    package var sentence: String {
        let name = field.rawValue.split(separator: ".").last.map(String.init) ?? field.rawValue
        return "\(name) \(from): \(to) would be needed (\(rule))."
    }

    private init(_ field: Field, _ rule: String, from: String, to: String) {
        self.field = field
        self.rule = rule
        self.from = from
        self.to = to
    }

    /// For a strategy that no repair could save. Nothing is proposed that would permit undefined
    /// risk.
    init?(of subject: Case, _ judge: Judge, _ known: Evidence) {
        guard known.classification.risk == .defined, let loss = known.addedLoss else { return nil }
        let one = Units(subject.legs)
        func passes(_ change: (inout Case) -> Void) -> Bool {
            var changed = subject
            if let legs = one.legs(1) { changed.legs = legs }
            change(&changed)
            return judge.judge(changed).verdict != .block
        }
        let unit = loss / Double(max(1, one.count))
        if let limit = subject.maxLossUSD {
            let needed = Self.cents(unit)
            if needed > limit, passes({ $0.maxLossUSD = needed }) {
                self.init(.maxLoss, "R01", from: limit, to: needed)
                return
            }
        }
        let debit = -known.payoff.netPremium.dollars / Double(max(1, one.count))
        if let limit = subject.maxDebitUSD, debit > limit,
            passes({ $0.maxDebitUSD = Self.cents(debit) })
        {
            self.init(.maxDebit, "R01", from: limit, to: Self.cents(debit))
            return
        }
        if let power = subject.account.buyingPowerUSD {
            let needed = Self.cents(known.margin.usd / Double(max(1, one.count)))
            if needed > power, passes({ $0.account.buyingPowerUSD = needed }) {
                self.init(.buyingPower, "R09", from: power, to: needed)
                return
            }
        }
        if let level = subject.account.approvalLevel, level < known.classification.level,
            passes({ $0.account.approvalLevel = known.classification.level })
        {
            let needed = known.classification.level
            self.init(.approvalLevel, "C01", from: "\(level)", to: "\(needed)")
            return
        }
        return nil
    }

    /// For a request for which no candidate fits: the least that lets one in.
    package init?(for request: CandidateRequest, _ noTrade: NoTrade) {
        func opens(_ change: (inout CandidateRequest) -> Void) -> Bool {
            var changed = request
            change(&changed)
            return Menu.offers(changed)
        }
        switch noTrade.reason {
        case .maxLoss:
            guard let needed = noTrade.needed.map(Self.cents), opens({ $0.maxLossUSD = needed })
            else { return nil }
            self.init(.maxLoss, noTrade.rule, from: request.budgetUSD, to: needed)
        case .maxDebit:
            guard let limit = request.maxDebitUSD, let needed = noTrade.needed.map(Self.cents),
                opens({ $0.maxDebitUSD = needed })
            else { return nil }
            self.init(.maxDebit, noTrade.rule, from: limit, to: needed)
        case .buyingPower:
            guard let power = request.buyingPowerUSD, let needed = noTrade.needed.map(Self.cents),
                opens({ $0.buyingPowerUSD = needed })
            else { return nil }
            self.init(.buyingPower, noTrade.rule, from: power, to: needed)
        case .notAllowed:
            guard let needed = noTrade.needed.map({ Int($0) }), needed > request.level,
                opens({ $0.level = needed })
            else { return nil }
            self.init(.approvalLevel, noTrade.rule, from: "\(request.level)", to: "\(needed)")
        case .nothingSuits:
            let bolder = Tolerance.allCases.sorted().first { tolerance in
                tolerance > request.tolerance && opens { $0.tolerance = tolerance }
            }
            guard let bolder else { return nil }
            self.init(
                .riskTolerance,
                noTrade.rule,
                from: request.tolerance.rawValue,
                to: bolder.rawValue
            )
        case .noContracts: return nil
        }
    }

    private init(_ field: Field, _ rule: String, from: Double, to: Double) {
        self.init(
            field,
            rule,
            from: Wording.dollars(from),
            to: "at least " + Wording.dollars(to)
        )
    }

    /// Up to the next cent.
    private static func cents(_ dollars: Double) -> Double {
        ((dollars - 1e-9) * 100).rounded(.up) / 100
    }
}
