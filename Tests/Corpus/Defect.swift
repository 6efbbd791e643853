import Options
package import TestSupport

/// The kinds of defect that are injected, one into each strategy.
package enum Defect: String, CaseIterable, Sendable {
    case invertedLeg = "inverted leg"
    case reversed = "all legs reversed"
    case swappedStrikes = "strikes swapped"
    case hundredfold = "claim off by a hundred"
    case expired = "expired"
    case holiday = "expiry on a holiday"
    case offGrid = "strike off the grid"
    case uncoveredRatio = "uncovered ratio"
    case missingWing = "missing wing"
    case oversized = "too large"
    case promise = "promise"
    case projection = "projection"
    case inventedNumber = "invented number"
    case benefitAlone = "benefit without its risk"
    case injectedInstruction = "injected instruction"
    case hiddenCharacters = "hidden characters"
    case insideInformation = "misuse"
    case wrongName = "wrong name"
    case wrongSign = "wrong sign"
    case boundedClaim = "unbounded said to be bounded"
    case wrongBreakeven = "wrong breakeven"
    case foreignSymbol = "foreign contract"
    case mismatchedSymbol = "symbol of another contract"
    case impossiblePrice = "impossible price"

    /// Any of these says what is wrong.
    package var rules: Set<String> {
        switch self {
        case .invertedLeg, .reversed: ["S13", "S14", "R02", "R03", "R04", "S17"]
        case .swappedStrikes: ["S05", "S13", "S14", "S17", "R04"]
        case .hundredfold: ["R05"]
        case .expired: ["S08"]
        case .holiday: ["S09"]
        case .offGrid: ["S11"]
        case .uncoveredRatio, .missingWing: ["R02", "R03", "R04", "S20"]
        case .oversized: ["R01"]
        case .promise: ["C05"]
        case .projection: ["C07"]
        case .inventedNumber: ["O02"]
        case .benefitAlone: ["C06"]
        case .injectedInstruction, .hiddenCharacters: ["O01"]
        case .insideInformation: ["O03"]
        case .wrongName: ["S13"]
        case .wrongSign: ["S14"]
        case .boundedClaim, .wrongBreakeven: ["R04"]
        case .foreignSymbol: ["S04"]
        case .mismatchedSymbol: ["S05"]
        case .impossiblePrice: ["S17"]
        }
    }

    /// The specimen with this defect; nil where it has no place for it.
    package func inject(into clean: Specimen, _ dice: inout Dice) -> Specimen? {
        var one = clean
        let changed =
            legs(&one, &dice) ?? dates(&one, &dice) ?? claims(&one, &dice) ?? words(&one, &dice)
        return changed == true ? one : nil
    }

    // MARK: - Legs

    /// Nil when the defect is of another kind, false where it has no place.
    private func legs(_ one: inout Specimen, _ dice: inout Dice) -> Bool? {
        let last = one.drafts.count - 1
        switch self {
        case .invertedLeg:
            let place = Int.random(in: 0...last, using: &dice)
            one.drafts[place] = one.drafts[place].with(action: one.drafts[place].action.opposite)
        case .reversed:
            one.drafts = one.drafts.map { $0.with(action: $0.action.opposite) }
        case .swappedStrikes:
            guard let pair = Self.vertical(one.drafts) else { return false }
            let (a, b) = (one.drafts[pair.0], one.drafts[pair.1])
            one.drafts[pair.0] = a.with(strike: b.strike)
            one.drafts[pair.1] = b.with(strike: a.strike)
        case .uncoveredRatio:
            guard let place = one.drafts.firstIndex(where: { $0.action == .sell }),
                one.candidate.name != .cashSecuredPut
            else { return false }
            let most = one.drafts.map(\.quantity).max() ?? 1
            one.drafts[place] = one.drafts[place].with(quantity: 2 * most + 7)
        case .missingWing:
            guard let pair = Self.vertical(one.drafts), one.drafts.count > 1 else { return false }
            let long = one.drafts[pair.0].action == .buy ? pair.0 : pair.1
            let right = one.drafts[long].kind
            guard one.candidate.held == nil || right == .call else { return false }
            one.drafts.remove(at: long)
            // A lone short put is secured by cash, and no defect.
            guard one.drafts.count > 1 || right == .call, one.request.freeShares < 100 else {
                return false
            }
        case .oversized:
            // What is held may hedge what is added.
            guard let loss = one.candidate.addedMaxLossUSD, loss > 0,
                one.request.freeShares == 0
            else { return false }
            let factor = Int((one.request.budgetUSD / loss).rounded(.down)) + 1
            guard factor < 1_000 else { return false }
            one.drafts = one.drafts.map { $0.with(quantity: $0.quantity * factor) }
        case .impossiblePrice:
            let place = Int.random(in: 0...last, using: &dice)
            let price = one.request.market.spot * 3 + (one.drafts[place].price ?? 0) * 100
            one.drafts[place] = one.drafts[place].with(price: price)
        case .boundedClaim:
            guard one.candidate.held == nil, one.request.freeShares < 100 else { return false }
            guard let call = one.drafts.first(where: { $0.kind == .call }) else { return false }
            one.drafts = [call.with(action: .sell)]
            one.claims = Case.Claims(lossIsBounded: true)
        case .offGrid:
            let place = Int.random(in: 0...last, using: &dice)
            let strike = (one.drafts[place].strike ?? 0) + 0.37
            one.drafts[place] = one.drafts[place].with(strike: strike)
            one.claims.symbols = []
        default: return nil
        }
        return true
    }

    /// Two legs of one right and one expiry, one long, one short.
    private static func vertical(_ legs: [DraftLeg]) -> (Int, Int)? {
        for (i, a) in legs.enumerated() {
            for (j, b) in legs.enumerated().dropFirst(i + 1)
            where a.kind == b.kind && a.action != b.action && a.strike != b.strike
                && a.expiry == b.expiry
            {
                return (i, j)
            }
        }
        return nil
    }

    private func dates(_ one: inout Specimen, _ dice: inout Dice) -> Bool? {
        let today = one.request.today
        switch self {
        case .expired:
            let day = TradingCalendar.tradingDay(onOrBefore: today.advanced(by: -7))
            one.drafts = one.drafts.map { $0.with(expiry: "\(day)") }
        case .holiday:
            let days = (1...400).map { today.advanced(by: $0) }
            let closed = days.filter {
                $0.weekday != .saturday && $0.weekday != .sunday
                    && TradingCalendar.session(on: $0) == .closed
            }
            guard let day = closed.randomElement(using: &dice) else { return false }
            one.drafts = one.drafts.map { $0.with(expiry: "\(day)") }
        default: return nil
        }
        one.claims.symbols = []
        return true
    }

    // MARK: - Claims

    private func claims(_ one: inout Specimen, _ dice: inout Dice) -> Bool? {
        let premium = one.candidate.netPremiumUSD
        switch self {
        case .hundredfold:
            guard premium.magnitude > 2 else { return false }
            one.claims.netPremiumUSD = Bool.random(using: &dice) ? premium * 100 : premium / 100
        case .wrongName:
            let names = StrategyName.allCases.filter { $0 != one.candidate.name }
            one.claims.name = names.randomElement(using: &dice)?.rawValue
        case .wrongSign:
            guard premium != 0 else { return false }
            one.claims.netPremiumUSD = -premium
        case .wrongBreakeven:
            guard let zeros = one.claims.breakevens, !zeros.isEmpty else { return false }
            let shift = Double.random(in: 0.02...5, using: &dice)
            one.claims.breakevens = zeros.map { $0 + shift }
        case .foreignSymbol:
            guard let text = one.claims.symbols.first ?? nil else { return false }
            let root = ["XLE", "ZZZ", one.request.ticker.prefix(4) + "1"].randomElement(
                using: &dice
            )
            let padded = (root ?? "XLE").description
            let blanks = String(repeating: " ", count: max(0, 6 - padded.count))
            one.claims.symbols[0] = padded + blanks + text.suffix(15)
        case .mismatchedSymbol:
            guard let text = one.claims.symbols.first ?? nil, let symbol = OSISymbol(text)
            else { return false }
            let strike = Strike(thousandths: symbol.strike.thousandths + 1_000)
            let other = strike.flatMap {
                OSISymbol(
                    root: symbol.root,
                    expiry: symbol.expiry,
                    right: symbol.right,
                    strike: $0
                )
            }
            one.claims.symbols[0] = other?.description
        default: return nil
        }
        return true
    }

    // MARK: - Words

    private func words(_ one: inout Specimen, _ dice: inout Dice) -> Bool? {
        func insert(_ sentences: [String]) {
            let place = Int.random(in: 0...one.prose.rationale.count, using: &dice)
            let sentence = sentences.randomElement(using: &dice) ?? ""
            one.prose.rationale.insert(sentence, at: place)
        }
        func ask(_ sentences: [String]) {
            one.intent += " " + (sentences.randomElement(using: &dice) ?? "")
        }
        switch self {
        case .promise: insert(Wordings.promises)
        case .projection: insert(Wordings.projections)
        case .inventedNumber:
            let price = one.request.market.spot * Double.random(in: 1.31...1.9, using: &dice)
            let share = Double.random(in: 5...95, using: &dice)
            insert(
                Wordings.numbers.map {
                    $0.replacing("{x}", with: "\((price * 100).rounded() / 100)")
                        .replacing("{p}", with: "\((share * 100).rounded() / 100)")
                }
            )
        case .benefitAlone:
            one.prose.risks = []
            one.prose.rationale = ["It earns the credit while the market stays quiet."]
        case .injectedInstruction: ask(Wordings.instructions)
        case .hiddenCharacters:
            let hidden: [Unicode.Scalar] = [
                "\u{202E}", "\u{200B}", "\u{7}", "\u{2066}", "\u{E0041}",
            ]
            one.intent.unicodeScalars.append(hidden.randomElement(using: &dice) ?? "\u{202E}")
        case .insideInformation: ask(Wordings.misuse)
        default: return nil
        }
        return true
    }
}

extension DraftLeg {
    func with(
        action: Action? = nil,
        strike: Double?? = nil,
        expiry: String? = nil,
        quantity: Int? = nil,
        price: Double? = nil
    ) -> DraftLeg {
        DraftLeg(
            action: action ?? self.action,
            kind: kind,
            strike: strike ?? self.strike,
            expiry: expiry ?? self.expiry,
            quantity: quantity ?? self.quantity,
            multiplier: multiplier,
            price: price ?? self.price
        )
    }
}
