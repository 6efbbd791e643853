/// Where a candidate is put together, sized, measured and held against the limits.
struct Bench {
    let request: CandidateRequest
    private let workshop: Workshop
    private let isBroadIndex: Bool

    /// A `NoTrade` on its way out of a function.
    struct Refusal: Error {
        let noTrade: NoTrade

        init(_ reason: NoTrade.Reason, _ rule: String, needed: Double? = nil) {
            noTrade = NoTrade(reason: reason, rule: rule, needed: needed)
        }
    }

    init(_ request: CandidateRequest) {
        self.request = request
        workshop = Workshop(request)
        isBroadIndex = Underlyings.isBroadIndex(request.ticker)
    }

    /// The first variant that passes; else the reason that came nearest to passing.
    func build(_ choice: Choice, later: Int, isFirst: Bool) -> Result<Candidate, Refusal> {
        guard !choice.recipe.needsShares || request.freeShares >= Limits.standardMultiplier else {
            return .failure(Refusal(.noContracts, "S20"))
        }
        var nearest = Refusal(.noContracts, "S11")
        for slots in workshop.variants(choice.recipe, later: later) {
            switch fit(slots, choice, isFirst: isFirst) {
            case .success(let candidate): return .success(candidate)
            case .failure(let refusal):
                let (new, old) = (refusal.noTrade.needed, nearest.noTrade.needed)
                if old.map({ (new ?? .infinity) < $0 }) ?? true { nearest = refusal }
                // Level and list do not depend on the width.
                if refusal.noTrade.reason == .notAllowed { return .failure(nearest) }
            }
        }
        return .failure(nearest)
    }

    private func fit(
        _ slots: [Workshop.Slot],
        _ choice: Choice,
        isFirst: Bool
    ) -> Result<Candidate, Refusal> {
        var unit: [Leg] = []
        var quoted = true
        for slot in slots {
            guard let price = workshop.price(slot),
                let leg = Leg(
                    slot.action,
                    .option(slot.right, slot.strike),
                    expiry: slot.expiry,
                    quantity: slot.count,
                    price: .quoted(price.price)
                )
            else { return .failure(Refusal(.noContracts, "S18")) }
            quoted = quoted && price.quoted
            unit.append(leg)
        }
        let held = heldShares(choice.recipe, quantity: 1)
        let classification = Classifier.classify(unit + held, spot: request.market.spot)
        if let refusal = admission(classification) { return .failure(refusal) }
        let front = Set(unit.compactMap(\.expiry)).count == 1
        let payoff = Payoff(legs: unit)
        if case .creditSpread = choice.recipe, payoff.netPremium.sign <= 0 {
            return .failure(Refusal(.noContracts, "S14"))
        }
        if front, held.isEmpty, payoff.maxProfit.map({ $0.sign <= 0 }) ?? false {
            // Never earns anything: the width is worth less than the cents it costs.
            return .failure(Refusal(.noContracts, "S17"))
        }
        if front, Payoff(legs: unit + held).maxLoss.map({ $0.sign <= 0 }) ?? false {
            // Never loses anything: a model's price that nobody would sell at.
            return .failure(Refusal(.noContracts, "S17"))
        }
        let loss = AddedLoss.of(unit, over: held)
        return size(unit, choice, loss: loss).map { quantity in
            let legs = unit.compactMap { $0.resized(to: $0.quantity * quantity) }
            return measure(
                legs,
                heldShares(choice.recipe, quantity: quantity),
                choice.recipe,
                classification,
                quantity,
                loss: loss.map { $0 * Double(quantity) },
                quoted: quoted,
                isFirst: isFirst
            )
        }
    }

    private func admission(_ classification: Classification) -> Refusal? {
        if classification.risk == .undefined { return Refusal(.notAllowed, "R02") }
        if classification.level > request.level {
            return Refusal(.notAllowed, "C01", needed: Double(classification.level))
        }
        if let allowed = request.allowed, !allowed.contains(classification.name) {
            return Refusal(.notAllowed, "C01")
        }
        return nil
    }

    /// As many units as every limit allows.
    private func size(
        _ unit: [Leg],
        _ choice: Choice,
        loss: Double?
    ) -> Result<Int, Refusal> {
        guard let loss else { return .failure(Refusal(.maxLoss, "R02")) }
        let share = choice.half ? 0.5 : 1
        var quantity = Self.unitsMax
        if choice.recipe.needsShares {
            quantity = min(
                quantity,
                Int(share * Double(request.freeShares / Limits.standardMultiplier))
            )
            quantity = max(1, quantity)
        }
        if loss > 0 {
            let most = share * request.budgetUSD / loss
            if most < 1 { return .failure(Refusal(.maxLoss, "R01", needed: loss / share)) }
            quantity = min(quantity, Int(min(most, Double(quantity))))
        }
        let debit = -Payoff(legs: unit).netPremium.dollars
        if debit > 0, let limit = request.maxDebitUSD {
            if limit < debit { return .failure(Refusal(.maxDebit, "R01", needed: debit)) }
            quantity = min(quantity, Int(min(limit / debit, Double(quantity))))
        }
        if let power = request.buyingPowerUSD {
            let margin = margin(unit, heldShares(choice.recipe, quantity: 1), loss: loss)
            if margin.usd > power {
                return .failure(Refusal(.buyingPower, "R09", needed: margin.usd))
            }
            if margin.usd > 0 {
                quantity = min(quantity, Int(min(power / margin.usd, Double(quantity))))
            }
        }
        return .success(quantity)
    }

    private func measure(
        _ legs: [Leg],
        _ held: [Leg],
        _ recipe: Recipe,
        _ classification: Classification,
        _ quantity: Int,
        loss: Double?,
        quoted: Bool,
        isFirst: Bool
    ) -> Candidate {
        let book = legs + held
        let front = legs.compactMap(\.expiry).min() ?? request.today
        let years = NewYorkTime.years(from: request.asOf, to: front)
        let law = LogNormal(request.market, volatility: request.volatility, years: years)
        let payoff = Payoff(legs: book)
        let later = later(legs, after: front)
        let (profit, zeros, chance, mean): (Double?, [Double], Double, Double)
        if later.isEmpty {
            profit = payoff.maxProfit?.dollars
            zeros = payoff.breakevens.map(\.dollars)
            chance = Chances.ofProfit(payoff, under: law)
            mean = Chances.expectedValue(of: book, under: law)
        } else {
            let curve = curve(book, later, front)
            let figures = FrontFigures(curve)
            (profit, zeros) = (figures.maxProfit, figures.breakevens)
            chance = Chances.ofProfit(in: figures.profitIntervals, under: law)
            mean = curve.expectedValue(under: law)
        }
        return Candidate(
            recipe: recipe,
            name: classification.name,
            legs: legs,
            held: held.first,
            classification: classification,
            quantity: quantity,
            netPremiumUSD: payoff.netPremium.dollars,
            maxProfitUSD: profit,
            addedMaxLossUSD: loss,
            breakevens: zeros,
            probabilityOfProfit: chance,
            expectedValueUSD: mean,
            greeks: greeks(legs),
            margin: margin(legs, held, loss: loss),
            isQuoted: quoted,
            isFirstChoice: isFirst
        )
    }

    private func heldShares(_ recipe: Recipe, quantity: Int) -> [Leg] {
        guard recipe.needsShares, let spot = MicroUSD(dollars: request.market.spot),
            let leg = Leg(
                .buy,
                .stock,
                quantity: Limits.standardMultiplier * quantity,
                price: .quoted(spot)
            )
        else { return [] }
        return [leg]
    }

    private func later(_ legs: [Leg], after front: CivilDate) -> [FrontCurve.Later] {
        legs.compactMap { leg in
            guard let expiry = leg.expiry, expiry > front else { return nil }
            let years =
                NewYorkTime.years(from: request.asOf, to: expiry)
                - NewYorkTime.years(from: request.asOf, to: front)
            return FrontCurve.Later(leg, years: years, volatility: request.volatility)
        }
    }

    private func curve(
        _ book: [Leg],
        _ later: [FrontCurve.Later],
        _ front: CivilDate
    ) -> FrontCurve {
        FrontCurve(
            front: book.filter { ($0.expiry ?? front) <= front },
            later: later,
            market: request.market,
            style: .european
        )
    }

    private func margin(_ legs: [Leg], _ held: [Leg], loss: Double?) -> Margin {
        let book = RankedLeg.rank(legs + held)
        let estimate = MarginEstimate(spot: request.market.spot, isBroadIndex: isBroadIndex)
        return estimate.margin(
            for: book,
            as: Classifier.classify(book, spot: request.market.spot),
            maxLoss: loss
        )
    }

    private func greeks(_ legs: [Leg]) -> Greeks {
        legs.reduce(.zero) { sum, leg in
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { return sum + Greeks(delta: Double(leg.signedShares)) }
            let years = NewYorkTime.years(from: request.asOf, to: expiry)
            let option = Option(right, strike: strike.dollars, years: years)
            let value = BlackScholes.value(
                option,
                volatility: request.volatility,
                in: request.market
            )
            return sum + value.greeks * Double(leg.signedShares)
        }
    }

    /// Units of one strategy, whatever the budget: policy.
    private static let unitsMax = 10
}
