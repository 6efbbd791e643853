internal import Contract
package import Options
internal import Policy
internal import Synchronization

/// The stage that knows what could be offered, and under which rules: the menu of candidates, and
/// the case that anything is judged by.
package final class Proposing: Sendable {
    private let rules: Rules
    private let judges = JudgeOfToday()
    private let menus = Menus()

    package init(rules: Rules) { self.rules = rules }

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `OPERATOR_STATUS`: which rules of the trade bind.
        package let status: Rule.Operator
        /// `RULE_PACK_DATE`: the day whose rules are in force; nil is today.
        package let date: CivilDate?
        package let thresholds: Thresholds

        package init(
            status: Rule.Operator = .selfDirected,
            date: CivilDate? = nil,
            thresholds: Thresholds = Thresholds()
        ) {
            self.status = status
            self.date = date
            self.thresholds = thresholds
        }
    }

    /// Whether nothing may be offered whatever is proposed: the customer has not had the options
    /// disclosure document, and the rule that asks for it (C04) is in force.
    func bars(_ request: GenerateRequest, nowMs: Int64) -> Bool {
        guard request.account.disclosureDelivered == false else { return false }
        return judge(at: nowMs).judge.pack["C04"] != nil
    }

    private func judge(at nowMs: Int64) -> (today: CivilDate, judge: Judge) {
        let today = NewYorkTime.date(at: UTCInstant(milliseconds: Int(nowMs)))
        return (today, judges.judge(rules, on: rules.date ?? today))
    }

    /// - Parameter nowMs: By the store's clock; tells the rules in force, whatever a request says.
    package func propose(_ world: Enriched, nowMs: Int64) -> Proposed {
        let (today, judge) = judge(at: nowMs)
        return Proposed(world, today: today, judge, menus, nowMs: nowMs)
    }
}

/// What could be offered in an enriched world. Only `Proposing`, in this file, can make one.
///
/// The menu is made when it is first asked for.
package final class Proposed: Sendable {
    let world: Enriched
    /// The day that it is in New York.
    let today: CivilDate
    let judge: Judge
    /// The clock's reading when it was asked what could be offered, Unix milliseconds.
    let nowMs: Int64

    /// A mutex that nobody contends: a request runs on one loop.
    private let drawnUp = Mutex<Menu?>(nil)
    private let menus: Menus

    fileprivate init(
        _ world: Enriched,
        today: CivilDate,
        _ judge: Judge,
        _ menus: Menus,
        nowMs: Int64
    ) {
        self.world = world
        self.today = today
        self.judge = judge
        self.menus = menus
        self.nowMs = nowMs
    }

    /// What may be offered, drawn up once: the model chooses from it, and so does the fallback.
    var menu: Menu {
        drawnUp.withLock { known in
            if let known { return known }
            let menu = menus.menu(for: wish)
            known = menu
            return menu
        }
    }

    /// Whether a model has anything to do: something to choose from, or legs to draw up.
    var hasChoice: Bool {
        world.request.mode == .custom || !menu.candidates.isEmpty
    }

    /// What a menu is made for.
    var wish: CandidateRequest {
        let request = world.request
        return CandidateRequest(
            ticker: world.ticker,
            market: world.market,
            volatility: world.volatility,
            asOf: world.asOf,
            trend: world.trend ?? .neutral,
            tolerance: world.tolerance ?? .low,
            regime: regime ?? .normal,
            freeShares: world.book?.freeShares ?? 0,
            maxLossUSD: request.preferences.maxLoss,
            maxDebitUSD: request.preferences.maxDebit,
            buyingPowerUSD: request.account.buyingPower,
            level: world.registered.approvalLevel ?? Self.levelUnknown,
            allowed: world.restricted.admitted(world.tier.strategies),
            chain: world.chain
        )
    }

    var regime: VolatilityRegime? { world.request.market.vix.map(VolatilityRegime.init(vix:)) }

    /// Of whose approval nothing is known, nothing is offered that is uncovered.
    private static let levelUnknown = 3

    /// Legs before the rules, with all that is known around them.
    func subject(_ legs: SoundLegs) -> Case {
        let request = world.request
        var subject = Case(
            ticker: world.ticker,
            market: world.market,
            volatility: world.volatility,
            asOf: world.asOf,
            legs: legs
        )
        subject.book = world.book
        subject.portfolioGreeks = world.portfolioGreeks
        subject.tolerance = world.tolerance
        subject.maxLossUSD = request.preferences.maxLoss
        subject.maxDebitUSD = request.preferences.maxDebit
        subject.account = Case.Account(
            equityUSD: request.account.equity,
            buyingPowerUSD: request.account.buyingPower,
            approvalLevel: world.registered.approvalLevel,
            disclosureDelivered: request.account.disclosureDelivered
        )
        subject.vix = request.market.vix
        subject.chain = world.chain
        subject.outlook = world.trend
        subject.events = request.market.events.map { $0.map(\.date) }
        subject.dividends = request.market.dividends.map { dividends in
            dividends.map { Case.Dividend(exDate: $0.exDate, amount: $0.amount) }
        }
        subject.intent = request.intent
        return subject
    }

    /// Legs as somebody drew them up, if their form is sound.
    func sound(_ drafts: [DraftLeg]) -> SoundLegs? {
        let check = StructuralCheck(today: today, spot: world.request.market.currentPrice)
        guard case .sound(let legs) = check.check(drafts) else { return nil }
        return legs
    }
}

/// The judge of one day's rules, made once a day.
private final class JudgeOfToday: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let known = Mutex<Judge?>(nil)

    func judge(_ rules: Proposing.Rules, on date: CivilDate) -> Judge {
        known.withLock { known in
            if let known, known.pack.date == date { return known }
            let judge = Judge(
                RulePack(on: date, for: rules.status),
                thresholds: rules.thresholds
            )
            known = judge
            return judge
        }
    }
}
