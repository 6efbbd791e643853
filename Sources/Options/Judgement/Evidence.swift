/// A case with what several rules look at, computed once.
///
/// A class: all rules hold it, and by value each would copy the whole case.
final class Evidence: Sendable {
    /// What is said about it, claims and prose, may be mended meanwhile; nothing here rests on that.
    let subject: Case
    /// Shares of the book that new short calls lean on, as a leg at today's price.
    let held: [Leg]
    /// Shares that the legs by themselves would have to deliver uncovered.
    let neededShares: Int
    let payoff: Payoff
    let breakevens: [Double]
    /// Dollars, of the payoff; nil is unbounded.
    let maxProfit: Double?
    let maxLoss: Double?
    let classification: Classification
    /// All shares that no short call is written on, as a leg at today's price.
    let freeShares: [Leg]
    /// Dollars that the new legs can lose beyond what those shares lose; nil is unbounded.
    let addedLoss: Double?
    /// The same beside those shares alone that the legs stand on: what a reply calls the largest loss.
    let ownLoss: Double?
    /// What may be called the largest loss: beside all free shares, beside those that the legs
    /// stand on, and with these. Empty when it is unbounded.
    let statedLosses: [Double]
    let frontYears: Double
    let today: CivilDate
    let margin: Margin
    let greeks: Greeks
    /// The sum of what the deltas of legs and held shares are without their signs.
    let grossDelta: Double
    let isSingleExpiry: Bool
    /// The option legs with what they are to the formulas.
    let options: [Line]
    /// At the first expiry; nil with several, which take a model to tell.
    let chances: ChancesAtExpiry?

    struct Line: Sendable {
        let leg: Leg
        let right: Right
        let strike: Strike
        let expiry: CivilDate
        let option: Option
    }

    struct ChancesAtExpiry: Sendable {
        let ofProfit: Double
        /// Dollars.
        let mean: Double
    }

    init(_ subject: Case) {
        self.subject = subject
        let spot = MicroUSD(dollars: subject.market.spot)
        func stock(_ count: Int) -> [Leg] {
            guard count > 0, let spot,
                let leg = Leg(.buy, .stock, quantity: count, price: .quoted(spot))
            else { return [] }
            return [leg]
        }
        today = NewYorkTime.date(at: subject.asOf)
        let ranked = RankedLeg.rank(subject.legs)
        let free = subject.book?.freeShares ?? 0
        neededShares = Cover(ranked).uncoveredCallShares
        let needed = max(neededShares, subject.standsOnShares)
        let shares = stock(free)
        let held = needed > 0 && free >= needed ? stock(needed) : []
        let book = held.isEmpty ? subject.legs : subject.legs + held
        let together = held.isEmpty ? ranked : RankedLeg.rank(book)
        let payoff = Payoff(legs: book)
        let isSingle = !Leg.haveSeveralExpiries(subject.legs)
        let loss =
            isSingle && held.isEmpty
            ? payoff.maxLoss?.dollars : AddedLoss.of(subject.legs, over: held)
        (freeShares, self.held, self.payoff, isSingleExpiry) = (shares, held, payoff, isSingle)
        breakevens = payoff.breakevens.map(\.dollars)
        maxProfit = payoff.maxProfit?.dollars
        maxLoss = payoff.maxLoss?.dollars
        classification = Classifier.classify(together, spot: subject.market.spot)
        ownLoss = loss
        addedLoss = shares == held ? loss : AddedLoss.of(subject.legs, over: shares)
        statedLosses = [addedLoss, ownLoss, maxLoss].compactMap { $0 }
        margin = MarginEstimate(
            spot: subject.market.spot,
            isBroadIndex: Underlyings.isBroadIndex(subject.ticker)
        ).margin(
            for: together,
            as: classification,
            maxLoss: ownLoss,
            debit: -payoff.netPremium.dollars
        )
        options = Self.lines(subject)
        (greeks, grossDelta) = Self.greeks(subject, options, held)
        frontYears = options.min { $0.expiry < $1.expiry }?.option.years ?? 0
        let law = LogNormal(subject.market, volatility: subject.volatility, years: frontYears)
        chances =
            isSingleExpiry
            ? ChancesAtExpiry(
                ofProfit: Chances.ofProfit(payoff, under: law),
                mean: Chances.expectedValue(of: book, under: law)
            ) : nil
    }

    private static func lines(_ subject: Case) -> [Line] {
        var lines: [Line] = []
        lines.reserveCapacity(subject.legs.count)
        for leg in subject.legs {
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { continue }
            // Most legs end together.
            let years =
                if let last = lines.last, last.expiry == expiry { last.option.years } else {
                    NewYorkTime.years(from: subject.asOf, to: expiry)
                }
            lines.append(
                Line(
                    leg: leg,
                    right: right,
                    strike: strike,
                    expiry: expiry,
                    option: Option(right, strike: strike.dollars, years: years)
                )
            )
        }
        return lines
    }

    private static func greeks(
        _ subject: Case,
        _ options: [Line],
        _ held: [Leg]
    ) -> (Greeks, gross: Double) {
        var sum = Greeks.zero
        var gross = held.reduce(0.0) { $0 + Double($1.signedShares) }.magnitude
        var place = 0
        for leg in subject.legs {
            let shares = Double(leg.signedShares)
            var own = Greeks(delta: shares)
            if leg.instrument != .stock, leg.expiry != nil, place < options.count {
                own =
                    BlackScholes.value(
                        options[place].option,
                        volatility: subject.volatility,
                        in: subject.market
                    ).greeks * shares
                place += 1
            }
            sum = sum + own
            gross += own.delta.magnitude
        }
        return (sum, gross)
    }
}
