/// Legs whose form is sound: they can be priced, classified and judged.
///
/// Only `StructuralCheck`, in this file, can make one: holding it is the proof of rules S01–S03,
/// S06, S08 and S09 of the catalogue.
package struct SoundLegs: Hashable, Sendable {
    package let legs: [Leg]

    fileprivate init(_ legs: [Leg]) { self.legs = legs }
}

/// Looks at the form of a claimed strategy: counts, numbers, dates. Prices are not judged.
package struct StructuralCheck: Sendable {
    package enum Outcome: Sendable {
        case sound(SoundLegs)
        /// At least one, in the order of the legs, those about the whole first.
        case unsound([StructuralFinding])
    }

    /// The day that it is in New York.
    package let today: CivilDate
    /// Dollars: what a stock leg without a price is entered at.
    package let spot: MicroUSD

    package init(today: CivilDate, spot: MicroUSD) {
        self.today = today
        self.spot = spot
    }

    package func check(_ drafts: [DraftLeg]) -> Outcome {
        var findings = counts(drafts)
        var legs: [Leg] = []
        // A strategy has a handful of legs: they are looked through faster than hashed.
        var firsts: [(contract: Contract, leg: Int)] = []
        for (index, draft) in drafts.enumerated() {
            var faults: [StructuralFinding.Fault] = []
            if let leg = read(draft, into: &faults) {
                let contract = Contract(instrument: leg.instrument, expiry: leg.expiry)
                if let first = firsts.first(where: { $0.contract == contract }) {
                    faults.append(.repeatedContract(firstLeg: first.leg))
                } else {
                    firsts.append((contract, index))
                }
                legs.append(leg)
            }
            findings += faults.map { StructuralFinding(leg: index, fault: $0) }
        }
        return findings.isEmpty ? .sound(SoundLegs(legs)) : .unsound(findings)
    }

    /// What makes two legs the same contract.
    private struct Contract: Equatable {
        let instrument: Instrument
        let expiry: CivilDate?
    }

    private func counts(_ drafts: [DraftLeg]) -> [StructuralFinding] {
        let stocks = drafts.count { $0.kind == .stock }
        let options = drafts.count - stocks
        var findings: [StructuralFinding] = []
        if !(1...Limits.optionLegsMax).contains(options) {
            findings.append(StructuralFinding(leg: nil, fault: .optionLegs(count: options)))
        }
        if stocks > 1 {
            findings.append(StructuralFinding(leg: nil, fault: .stockLegs(count: stocks)))
        }
        return findings
    }

    /// The leg that a draft means. Nil with at least one fault when it means none.
    private func read(_ draft: DraftLeg, into faults: inout [StructuralFinding.Fault]) -> Leg? {
        let instrument: Instrument?
        var expiry: CivilDate?
        switch draft.kind {
        case .stock:
            instrument = .stock
            if draft.strike != nil { faults.append(.unexpected(field: "strike")) }
            if draft.expiry != nil { faults.append(.unexpected(field: "expiry")) }
        case .call, .put:
            let right: Right = draft.kind == .call ? .call : .put
            instrument = strike(draft.strike, into: &faults).map { .option(right, $0) }
            expiry = date(draft.expiry, into: &faults)
        }
        let usual = draft.kind == .stock ? 1 : Limits.standardMultiplier
        if let multiplier = draft.multiplier, multiplier != usual {
            faults.append(.adjustedMultiplier(multiplier))
        }
        if !(1...Limits.quantityMax).contains(draft.quantity) {
            faults.append(.outOfRange(field: "quantity"))
        }
        guard let price = price(draft, into: &faults), let instrument, faults.isEmpty
        else { return nil }
        return Leg(
            draft.action,
            instrument,
            expiry: expiry,
            quantity: draft.quantity,
            price: .quoted(price)
        )
    }

    private func strike(
        _ dollars: Double?,
        into faults: inout [StructuralFinding.Fault]
    ) -> Strike? {
        guard let dollars else {
            faults.append(.missing(field: "strike"))
            return nil
        }
        guard let strike = Strike(dollars: dollars) else {
            faults.append(
                dollars.isFinite ? .outOfRange(field: "strike") : .notFinite(field: "strike")
            )
            return nil
        }
        return strike
    }

    private func date(
        _ text: String?,
        into faults: inout [StructuralFinding.Fault]
    ) -> CivilDate? {
        guard let text else {
            faults.append(.missing(field: "expiry"))
            return nil
        }
        guard let date = CivilDate(text) else {
            faults.append(.malformedExpiry(text))
            return nil
        }
        if date <= today {
            faults.append(.expiryNotAfterToday(date))
        } else if !TradingCalendar.isTradingDay(date) {
            faults.append(.expiryNotTradingDay(date))
        }
        return date
    }

    private func price(
        _ draft: DraftLeg,
        into faults: inout [StructuralFinding.Fault]
    ) -> MicroUSD? {
        guard let dollars = draft.price else {
            if draft.kind == .stock { return spot }
            faults.append(.missing(field: "price"))
            return nil
        }
        guard dollars.isFinite else {
            faults.append(.notFinite(field: "price"))
            return nil
        }
        guard dollars >= 0, let price = MicroUSD(dollars: dollars) else {
            faults.append(.outOfRange(field: "price"))
            return nil
        }
        return price
    }
}
