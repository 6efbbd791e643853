internal import Glibc

/// S07 and S10–S20 as far as legs, calendar, chain and book decide them. S01–S03, S06, S08 and S09
/// were proved when the legs were made.
struct StructureRules {
    private let known: Evidence
    private let limits: Thresholds

    init(_ known: Evidence, _ limits: Thresholds) {
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        for rule in Self.proved {
            report.add(result(rule, .block, holds: true, "Proved when the legs were read."))
        }
        report.add(commonFactor())
        report.add(listedExpiries())
        report.add(strikeDistance())
        report.add(ratio())
        report.add(arbitrage())
        report.add(impliedVolatility())
        report.add(laterCover())
        report.add(sharesFree())
        quantity(&report)
        report.add(listedStrikes())
    }

    private static let proved: [StaticString] = ["S01", "S02", "S03", "S06", "S08", "S09"]

    private var options: [Evidence.Line] { known.options }

    /// The legs are whole orders here, so a common factor is the quantity and no fault.
    private func commonFactor() -> Finding {
        inapplicable("S07", "Legs carry their quantities; the common factor is the order's.")
    }

    private func listedExpiries() -> Finding {
        let unlisted: (CivilDate) -> Bool
        if let chain = known.subject.chain, !chain.isEmpty {
            unlisted = { !chain.expiries.contains($0) }
        } else {
            if let weekly = firstWeekly {
                return Finding(
                    "S10",
                    .notEvaluated,
                    .block,
                    sentence: "\(weekly) is no monthly expiry, and there is no chain."
                )
            }
            unlisted = { _ in false }
        }
        let missing = options.first { unlisted($0.expiry) }
        return result(
            "S10",
            .block,
            failsWith: missing.map { "\($0.expiry) is not listed." },
            "Every expiry is listed."
        )
    }

    private var firstWeekly: CivilDate? {
        var known: CivilDate?
        for option in options where option.expiry != known {
            if !Expiries.isMonthly(option.expiry) { return option.expiry }
            known = option.expiry
        }
        return nil
    }

    private func listedStrikes() -> Finding {
        if let chain = known.subject.chain, !chain.isEmpty {
            let missing = options.first { chain.quote($0.expiry, $0.right, $0.strike) == nil }
            return result(
                "S11",
                .block,
                failsWith: missing.map { "\(Self.name($0)) \($0.expiry) is not listed." },
                "Every strike is listed."
            )
        }
        let broken = options.first { !$0.strike.micros.isMultiple(of: 500_000) }
        if let broken {
            return failure(
                "S11",
                .block,
                "\(Self.price(broken.strike)) is no multiple of 0.50."
            )
        }
        let grid = StrikeGrid.of(known.subject.ticker)
        let odd = options.first { !grid.contains($0.strike) }
        return result(
            "S11",
            .warning,
            failsWith: odd.map {
                "\(Self.price($0.strike)) is not on the standard grid, and there is no chain."
            },
            "Every strike is on the standard grid."
        )
    }

    private static func price(_ strike: Strike) -> String {
        Wording.plain(strike.dollars, decimals: 3)
    }

    private static func name(_ option: Evidence.Line) -> String {
        "\(option.right.rawValue) \(price(option.strike))"
    }

    private func strikeDistance() -> Finding {
        var worst = 0.0
        var share = 0.0
        for option in options {
            let years = option.option.years
            let forward = LogNormal(
                known.subject.market,
                volatility: known.subject.volatility,
                years: years
            )
            .forward
            let distance = log(option.strike.dollars / forward).magnitude
            worst = max(worst, distance / max(1e-9, known.subject.volatility * years.squareRoot()))
            share = max(share, (option.strike.dollars / forward - 1).magnitude)
        }
        let impossible =
            worst > limits.strikeDeviationsBlock && share > limits.strikeDistanceBlock
        return result(
            "S12",
            impossible ? .block : .warning,
            holds: worst <= limits.strikeDeviationsWarn,
            "The furthest strike lies {n} deviations from the forward.",
            worst
        )
    }

    private func ratio() -> Finding {
        for right in [Right.call, .put] {
            var (long, short) = (0, 0)
            for option in options where option.right == right {
                if option.leg.action == .buy {
                    long += option.leg.quantity
                } else {
                    short += option.leg.quantity
                }
            }
            guard long > 0, short > 0 else { continue }
            let ratio = Double(max(long, short)) / Double(min(long, short))
            if ratio > limits.ratioMax {
                return failure(
                    "S15",
                    .warning,
                    "\(long) long to \(short) short \(right.rawValue)s."
                )
            }
        }
        return result("S15", .warning, holds: true, "Ratios are within {n}.", limits.ratioMax)
    }

    private func quantity(_ report: inout RuleReport) {
        let most = known.subject.legs.reduce(0) {
            $1.instrument == .stock ? $0 : max($0, $1.quantity)
        }
        report.add(
            result(
                "S16",
                .block,
                holds: most <= limits.quantityMax,
                "{n} contracts in a leg, at most {n}.",
                Double(most),
                Double(limits.quantityMax)
            )
        )
        guard let chain = known.subject.chain else { return }
        for option in options {
            guard
                let open = chain.quote(option.expiry, option.right, option.strike)?.openInterest
            else { continue }
            let allowed = Int(limits.openInterestShare * Double(open))
            if option.leg.quantity > allowed {
                report.add(
                    result(
                        "S16",
                        .warning,
                        holds: false,
                        "{n} contracts against an open interest of {n}.",
                        Double(option.leg.quantity),
                        Double(open)
                    )
                )
            }
        }
    }

    /// Each price within its bounds, and no payoff that only wins or only loses.
    private func arbitrage() -> Finding {
        for option in options {
            let least = BlackScholes.price(option.option, volatility: 0, in: known.subject.market)
            let most = option.right == .call ? known.subject.market.spot : option.strike.dollars
            let price = option.leg.price.dollars
            // A cent of rounding, and half a per cent for a quote that is a moment old.
            let slack = 0.01 + 0.005 * known.subject.market.spot
            if price < least - slack || price > most + slack {
                return failure(
                    "S17",
                    .block,
                    "\(Wording.dollars(price)) is outside \(Wording.dollars(least)) to "
                        + "\(Wording.dollars(most)) for \(Self.name(option))."
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
    private func impliedVolatility() -> Finding {
        let range = limits.impliedVolatilityRange
        let low = max(range.lowerBound, known.subject.volatility - limits.impliedVolatilityDistance)
        let high = min(
            range.upperBound,
            known.subject.volatility + limits.impliedVolatilityDistance
        )
        // A price of a few cents says little about volatility.
        for option in options where option.leg.price.dollars >= 0.1 {
            let terms = option.option
            let price = option.leg.price.dollars
            let market = known.subject.market
            if price < BlackScholes.price(terms, volatility: low, in: market)
                || price > BlackScholes.price(terms, volatility: high, in: market)
            {
                let implied = try? ImpliedVolatility.european(terms, price: price, in: market)
                return failure(
                    "S18",
                    .warning,
                    "\(Self.name(option)) at \(Wording.dollars(price)) implies "
                        + "\(implied.map(Wording.percent) ?? "no volatility")."
                )
            }
        }
        return result("S18", .warning, holds: true, "Prices are near the reference volatility.")
    }

    private func laterCover() -> Finding {
        let early =
            known.isSingleExpiry
            ? nil
            : options.first { short in
                guard short.leg.action == .sell else { return false }
                let last = options.lazy.filter {
                    $0.leg.action == .buy && $0.right == short.right
                }.map(\.expiry).max()
                return last.map { $0 < short.expiry } ?? false
            }
        return result(
            "S19",
            .block,
            failsWith: early.map {
                "The short \($0.right.rawValue) of \($0.expiry) outlives every long one."
            },
            "No short option outlives its cover."
        )
    }

    private func sharesFree() -> Finding {
        guard known.neededShares > 0 else {
            return result("S20", .block, holds: true, "The legs cover themselves.")
        }
        guard let book = known.subject.book else {
            return inapplicable("S20", "No holdings are stated; see R02.")
        }
        return result(
            "S20",
            .block,
            holds: book.freeShares >= known.neededShares,
            "{n} shares are needed, {n} are free.",
            Double(known.neededShares),
            Double(book.freeShares)
        )
    }
}
