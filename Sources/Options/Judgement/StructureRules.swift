internal import Glibc

/// S04–S20 as far as legs, calendar, chain and book decide them. S01–S03, S06, S08 and S09 were
/// proved when the legs were made.
struct StructureRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] {
        let proved = ["S01", "S02", "S03", "S06", "S08", "S09"].map {
            result($0, .block, holds: true, "Proved when the legs were read.")
        }
        return proved + [commonFactor(), listedExpiries(), strikeDistance(), ratio()]
            + [arbitrage(), impliedVolatility(), laterCover(), sharesFree()] + quantity()
            + listedStrikes()
    }

    private var options: [(leg: Leg, right: Right, strike: Strike, expiry: CivilDate)] {
        subject.legs.compactMap { leg in
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry
            else { return nil }
            return (leg, right, strike, expiry)
        }
    }

    /// The legs are whole orders here, so a common factor is the quantity and no fault.
    private func commonFactor() -> RuleResult {
        inapplicable("S07", "Legs carry their quantities; the common factor is the order's.")
    }

    private func listedExpiries() -> RuleResult {
        let unlisted: (CivilDate) -> Bool
        if let chain = subject.chain, !chain.isEmpty {
            unlisted = { !chain.expiries.contains($0) }
        } else {
            let weeklies = options.filter { !Expiries.isMonthly($0.expiry) }
            if let weekly = weeklies.first {
                return RuleResult(
                    "S10",
                    .notEvaluated,
                    severity: .block,
                    evidence: "\(weekly.expiry) is no monthly expiry, and there is no chain."
                )
            }
            unlisted = { _ in false }
        }
        let missing = options.first { unlisted($0.expiry) }
        return result(
            "S10",
            .block,
            holds: missing == nil,
            missing.map {
                "\($0.expiry) is not listed."
            } ?? "Every expiry is listed."
        )
    }

    private func listedStrikes() -> [RuleResult] {
        if let chain = subject.chain, !chain.isEmpty {
            let missing = options.first { chain.quote($0.expiry, $0.right, $0.strike) == nil }
            return [
                result(
                    "S11",
                    .block,
                    holds: missing == nil,
                    missing.map {
                        "\($0.right.rawValue) \($0.strike.dollars) \($0.expiry) is not listed."
                    } ?? "Every strike is listed."
                )
            ]
        }
        let broken = options.first { !$0.strike.thousandths.isMultiple(of: 500) }
        if let broken {
            return [
                result(
                    "S11",
                    .block,
                    holds: false,
                    "\(broken.strike.dollars) is no multiple of 0.50."
                )
            ]
        }
        let grid = StrikeGrid.of(subject.ticker)
        let odd = options.first { !grid.contains($0.strike) }
        return [
            result(
                "S11",
                .warning,
                holds: odd == nil,
                odd.map {
                    "\($0.strike.dollars) is not on the standard grid, and there is no chain."
                } ?? "Every strike is on the standard grid."
            )
        ]
    }

    private func strikeDistance() -> RuleResult {
        var worst = 0.0
        var share = 0.0
        for option in options {
            let years = NewYorkTime.years(from: subject.asOf, to: option.expiry)
            let forward = LogNormal(subject.market, volatility: subject.volatility, years: years)
                .forward
            let distance = log(option.strike.dollars / forward).magnitude
            worst = max(worst, distance / max(1e-9, subject.volatility * years.squareRoot()))
            share = max(share, (option.strike.dollars / forward - 1).magnitude)
        }
        let impossible =
            worst > limits.strikeDeviationsBlock && share > limits.strikeDistanceBlock
        return result(
            "S12",
            impossible ? .block : .warning,
            holds: worst <= limits.strikeDeviationsWarn,
            "The furthest strike lies \(worst) deviations from the forward."
        )
    }

    private func ratio() -> RuleResult {
        for right in Right.allCases {
            let own = options.filter { $0.right == right }
            let long = own.filter { $0.leg.action == .buy }.reduce(0) { $0 + $1.leg.quantity }
            let short = own.filter { $0.leg.action == .sell }.reduce(0) { $0 + $1.leg.quantity }
            guard long > 0, short > 0 else { continue }
            let ratio = Double(max(long, short)) / Double(min(long, short))
            if ratio > limits.ratioMax {
                return result(
                    "S15",
                    .warning,
                    holds: false,
                    "\(long) long to \(short) short \(right.rawValue)s."
                )
            }
        }
        return result("S15", .warning, holds: true, "Ratios are within \(limits.ratioMax).")
    }

    private func quantity() -> [RuleResult] {
        let most = subject.legs.filter { $0.instrument != .stock }.map(\.quantity).max() ?? 0
        var results = [
            result(
                "S16",
                .block,
                holds: most <= limits.quantityMax,
                "\(most) contracts in a leg, at most \(limits.quantityMax)."
            )
        ]
        for option in options {
            guard
                let open = subject.chain?.quote(option.expiry, option.right, option.strike)?
                    .openInterest
            else { continue }
            let allowed = Int(limits.openInterestShare * Double(open))
            if option.leg.quantity > allowed {
                results.append(
                    result(
                        "S16",
                        .warning,
                        holds: false,
                        "\(option.leg.quantity) contracts against an open interest of \(open)."
                    )
                )
            }
        }
        return results
    }

    /// Each price within its bounds, and no payoff that only wins or only loses.
    private func arbitrage() -> RuleResult {
        for option in options {
            let years = NewYorkTime.years(from: subject.asOf, to: option.expiry)
            let terms = Option(option.right, strike: option.strike.dollars, years: years)
            let least = BlackScholes.price(terms, volatility: 0, in: subject.market)
            let most = option.right == .call ? subject.market.spot : option.strike.dollars
            let price = option.leg.price.dollars
            // A cent of rounding, and half a per cent for a quote that is a moment old.
            let slack = 0.01 + 0.005 * subject.market.spot
            if price < least - slack || price > most + slack {
                return result(
                    "S17",
                    .block,
                    holds: false,
                    "\(price) is outside \(least) to \(most) for \(option.right.rawValue) "
                        + "\(option.strike.dollars)."
                )
            }
        }
        guard known.isSingleExpiry else {
            return result("S17", .block, holds: true, "Every price is within its bounds.")
        }
        let sureGain = known.payoff.maxLoss?.sign == 0
        let sureLoss = known.payoff.maxProfit?.sign == 0
        return result(
            "S17",
            .block,
            holds: !sureGain && !sureLoss,
            sureGain
                ? "It cannot lose."
                : sureLoss
                    ? "It cannot earn."
                    : "It can earn and lose, every price is within its bounds."
        )
    }

    /// The price lies between the model's at the ends of what is believable: a volatility is
    /// looked for only where it does not.
    private func impliedVolatility() -> RuleResult {
        let range = limits.impliedVolatilityRange
        let low = max(range.lowerBound, subject.volatility - limits.impliedVolatilityDistance)
        let high = min(range.upperBound, subject.volatility + limits.impliedVolatilityDistance)
        // A price of a few cents says little about volatility.
        for option in options where option.leg.price.dollars >= 0.1 {
            let years = NewYorkTime.years(from: subject.asOf, to: option.expiry)
            let terms = Option(option.right, strike: option.strike.dollars, years: years)
            let price = option.leg.price.dollars
            let market = subject.market
            if price < BlackScholes.price(terms, volatility: low, in: market)
                || price > BlackScholes.price(terms, volatility: high, in: market)
            {
                let implied = try? ImpliedVolatility.european(terms, price: price, in: market)
                return result(
                    "S18",
                    .warning,
                    holds: false,
                    "\(option.right.rawValue) \(option.strike.dollars) at \(price) implies "
                        + "\(implied.map { "\($0)" } ?? "none")."
                )
            }
        }
        return result("S18", .warning, holds: true, "Prices are near the reference volatility.")
    }

    private func laterCover() -> RuleResult {
        let shorts = options.filter { $0.leg.action == .sell }
        let longs = options.filter { $0.leg.action == .buy }
        let early = shorts.first { short in
            let own = longs.filter { $0.right == short.right }
            return !own.isEmpty && own.allSatisfy { $0.expiry < short.expiry }
        }
        return result(
            "S19",
            .block,
            holds: early == nil,
            early.map {
                "The short \($0.right.rawValue) of \($0.expiry) outlives every long one."
            } ?? "No short option outlives its cover."
        )
    }

    private func sharesFree() -> RuleResult {
        guard known.neededShares > 0 else {
            return result("S20", .block, holds: true, "The legs cover themselves.")
        }
        guard let book = subject.book else {
            return inapplicable("S20", "No holdings are stated; see R02.")
        }
        return result(
            "S20",
            .block,
            holds: book.freeShares >= known.neededShares,
            "\(known.neededShares) shares are needed, \(book.freeShares) are free."
        )
    }
}
