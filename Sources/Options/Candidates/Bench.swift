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

    /// A strategy that fits, of as many units as every limit allows; its figures are not known yet.
    struct Fit {
        let recipe: Recipe
        let classification: Classification
        /// What would be traded.
        let legs: [Leg]
        /// Shares already held that they lean on.
        let held: [Leg]
        let quantity: Int
        let loss: Double?
        let quoted: Bool
    }

    /// The first variant that passes; else the reason that came nearest to passing.
    func build(_ choice: Choice, later: Int) -> Result<Fit, Refusal> {
        guard !choice.recipe.needsShares || request.freeShares >= Limits.standardMultiplier else {
            return .failure(Refusal(.noContracts, "S20"))
        }
        var nearest = Refusal(.noContracts, "S11")
        for slots in workshop.variants(choice.recipe, later: later) {
            switch fit(slots, choice) {
            case .success(let fit): return .success(fit)
            case .failure(let refusal):
                let (new, old) = (refusal.noTrade.needed, nearest.noTrade.needed)
                if old.map({ (new ?? .infinity) < $0 }) ?? true { nearest = refusal }
                // Level and list do not depend on the width.
                if refusal.noTrade.reason == .notAllowed { return .failure(nearest) }
            }
        }
        return .failure(nearest)
    }

    private func fit(_ slots: [Workshop.Slot], _ choice: Choice) -> Result<Fit, Refusal> {
        var unit: [Leg] = []
        unit.reserveCapacity(slots.count)
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
        let book = held.isEmpty ? unit : unit + held
        let ranked = RankedLeg.rank(book)
        let classification = Classifier.classify(ranked, spot: request.market.spot)
        if let refusal = admission(classification) { return .failure(refusal) }
        let isSingle = !Leg.haveSeveralExpiries(unit)
        let payoff = Payoff(legs: unit)
        if case .creditSpread = choice.recipe, payoff.netPremium.sign <= 0 {
            return .failure(Refusal(.noContracts, "S14"))
        }
        if isSingle, held.isEmpty, payoff.maxProfit.map({ $0.sign <= 0 }) ?? false {
            // Never earns anything: the width is worth less than the cents it costs.
            return .failure(Refusal(.noContracts, "S17"))
        }
        let together = held.isEmpty ? payoff : Payoff(legs: book)
        if isSingle, together.maxLoss.map({ $0.sign <= 0 }) ?? false {
            // Never loses anything: a model's price that nobody would sell at.
            return .failure(Refusal(.noContracts, "S17"))
        }
        let loss =
            isSingle && held.isEmpty ? payoff.maxLoss?.dollars : AddedLoss.of(unit, over: held)
        let debit = -payoff.netPremium.dollars
        return size(choice, loss: loss, debit: debit) {
            margin(ranked, classification, loss: loss, debit: debit)
        }.map { quantity in
            Fit(
                recipe: choice.recipe,
                classification: classification,
                legs: quantity == 1
                    ? unit : unit.compactMap { $0.resized(to: $0.quantity * quantity) },
                held: heldShares(choice.recipe, quantity: quantity),
                quantity: quantity,
                loss: loss.map { $0 * Double(quantity) },
                quoted: quoted
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
        _ choice: Choice,
        loss: Double?,
        debit: Double,
        margin: () -> Margin
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
        if debit > 0, let limit = request.maxDebitUSD {
            if limit < debit { return .failure(Refusal(.maxDebit, "R01", needed: debit)) }
            quantity = min(quantity, Int(min(limit / debit, Double(quantity))))
        }
        if let power = request.buyingPowerUSD {
            let needed = margin().usd
            if needed > power {
                return .failure(Refusal(.buyingPower, "R09", needed: needed))
            }
            if needed > 0 {
                quantity = min(quantity, Int(min(power / needed, Double(quantity))))
            }
        }
        return .success(quantity)
    }

    /// The figures of what fits.
    func measure(_ fit: Fit, isFirst: Bool) -> Candidate {
        let book = fit.held.isEmpty ? fit.legs : fit.legs + fit.held
        let front = Leg.firstExpiry(fit.legs) ?? workshop.today
        let years = workshop.horizon(front).years
        let law = LogNormal(request.market, volatility: request.volatility, years: years)
        let payoff = Payoff(legs: book)
        let later = later(fit.legs, after: front)
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
            recipe: fit.recipe,
            name: fit.classification.name,
            legs: fit.legs,
            held: fit.held.first,
            classification: fit.classification,
            quantity: fit.quantity,
            netPremiumUSD: payoff.netPremium.dollars,
            maxProfitUSD: profit,
            addedMaxLossUSD: fit.loss,
            breakevens: zeros,
            probabilityOfProfit: chance,
            expectedValueUSD: mean,
            greeks: greeks(fit.legs),
            margin: margin(
                RankedLeg.rank(book),
                fit.classification,
                loss: fit.loss,
                debit: -payoff.netPremium.dollars
            ),
            isQuoted: fit.quoted,
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
            let years = workshop.horizon(expiry).years - workshop.horizon(front).years
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

    private func margin(
        _ legs: [RankedLeg],
        _ classification: Classification,
        loss: Double?,
        debit: Double
    ) -> Margin {
        MarginEstimate(spot: request.market.spot, isBroadIndex: isBroadIndex).margin(
            for: legs,
            as: classification,
            maxLoss: loss,
            debit: debit
        )
    }

    private func greeks(_ legs: [Leg]) -> Greeks {
        legs.reduce(.zero) { sum, leg in
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { return sum + Greeks(delta: Double(leg.signedShares)) }
            let option = Option(
                right,
                strike: strike.dollars,
                years: workshop.horizon(expiry).years
            )
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
