import Corpus
import Options

/// One request with all that can be known around it: four legs beside twenty positions.
struct Scene {
    let today: CivilDate
    let condor: Case
    let silent: Case
    let american: Case
    /// As a model writes: claims that are wrong, and a sentence that nobody computed.
    let wordy: Case
    let request: CandidateRequest
    private let market = Conditions(spot: 450, rate: 0.04, dividendYield: 0.012)
    private let asOf: UTCInstant
    private static let positions = (0..<10).flatMap { index in
        [
            Position(symbol: "SPY   270115C00\(480 + 5 * index)000", quantity: -1),
            Position(symbol: "SPY   270115P00\(380 + 5 * index)000", quantity: 2),
        ]
    }

    init?() {
        guard let asOf = UTCInstant("2026-11-24T15:00:00Z"),
            var condor = Self.legs("+P419=2.17 -P424=3.02 -C483=2.95 +C488=2.24", market, asOf),
            var american = Self.legs("+P419=2.17 -P424=3.02 -C440=18.5 +C488=2.24", market, asOf)
        else { return nil }
        self.asOf = asOf
        today = NewYorkTime.date(at: asOf)
        let book = Book(
            Self.positions,
            ticker: "SPY",
            market: market,
            volatility: 0.185,
            asOf: asOf
        )
        Self.surround(&condor, book)
        Self.surround(&american, book)
        american.dividends = [Case.Dividend(exDate: today.advanced(by: 24), amount: 1.8)]
        silent = condor
        condor.prose = Explanation(condor).prose
        self.condor = condor
        self.american = american
        wordy = Self.wordy(condor)
        request = CandidateRequest(
            ticker: "SPY",
            market: market,
            volatility: 0.185,
            asOf: asOf,
            trend: .neutral,
            maxLossUSD: 1_000
        )
    }

    func readBook() -> Book {
        Book(Self.positions, ticker: "SPY", market: market, volatility: 0.185, asOf: asOf)
    }

    private static func surround(_ subject: inout Case, _ book: Book) {
        subject.book = book
        subject.tolerance = .medium
        subject.maxLossUSD = 500
        subject.vix = 18.5
        subject.outlook = .neutral
        subject.account = Case.Account(
            equityUSD: 100_000,
            buyingPowerUSD: 50_000,
            approvalLevel: 3,
            disclosureDelivered: true
        )
        subject.intent = "I want a conservative income strategy for SPY"
        subject.model = .answered
        subject.events = []
        subject.alternatives = 3
    }

    private static func wordy(_ clean: Case) -> Case {
        var subject = clean
        subject.claims = Case.Claims(
            name: "iron_condor",
            maxProfitUSD: 1.56,
            maxLossUSD: 344,
            lossIsBounded: true,
            breakevens: [422, 485]
        )
        subject.prose = Prose(
            rationale: [
                "There is no trend, so both sides are sold around the price of SPY.",
                "Time decay works for the seller over 52 days.",
                "It earns 73 dollars on most days.",
            ],
            risks: ["A move of SPY past the sold strike loses up to the full width."]
        )
        return subject
    }

    /// `+P425=2.10`: side, right, strike, price; one contract to 2027-01-15.
    private static func legs(
        _ text: String,
        _ market: Conditions,
        _ asOf: UTCInstant
    ) -> Case? {
        let drafts = text.split(separator: " ").map { word in
            let parts = word.dropFirst(2).split(separator: "=")
            return DraftLeg(
                action: word.hasPrefix("+") ? .buy : .sell,
                kind: word.dropFirst().hasPrefix("C") ? .call : .put,
                strike: parts.first.flatMap { Double($0) },
                expiry: "2027-01-15",
                quantity: 1,
                price: parts.last.flatMap { Double($0) }
            )
        }
        guard let spot = MicroUSD(dollars: market.spot) else { return nil }
        let check = StructuralCheck(today: NewYorkTime.date(at: asOf), spot: spot)
        guard case .sound(let legs) = check.check(drafts) else { return nil }
        return Case(ticker: "SPY", market: market, volatility: 0.185, asOf: asOf, legs: legs)
    }
}
