internal import Glibc

/// R15–R19: exercise, expiry, events and liquidity.
struct MarketRules {
    private let subject: Case
    private let known: Evidence
    private let limits: Thresholds

    init(_ subject: Case, _ known: Evidence, _ limits: Thresholds) {
        self.subject = subject
        self.known = known
        self.limits = limits
    }

    func results() -> [RuleResult] { assignment() + [american()] + events() + liquidity() }

    private var shorts: [(leg: Leg, option: Option, expiry: CivilDate)] {
        subject.legs.compactMap { leg in
            guard leg.action == .sell, case .option(let right, let strike) = leg.instrument,
                let expiry = leg.expiry
            else { return nil }
            let years = NewYorkTime.years(from: subject.asOf, to: expiry)
            return (leg, Option(right, strike: strike.dollars, years: years), expiry)
        }
    }

    /// A holder exercises where the time value is less than the dividend, or the interest.
    private func assignment() -> [RuleResult] {
        guard !shorts.isEmpty else { return [inapplicable("R15", "Nothing is sold.")] }
        for short in shorts where short.option.intrinsic(at: subject.market.spot) > 0 {
            let inside = short.option.intrinsic(at: subject.market.spot)
            let outside = short.leg.price.dollars - inside
            let gain: Double
            switch short.option.right {
            case .put:
                gain =
                    short.option.strike * (1 - exp(-subject.market.rate * short.option.years))
            case .call:
                guard let dividends = subject.dividends else { return [] }
                gain =
                    dividends.filter { $0.exDate > known.today && $0.exDate <= short.expiry }
                    .map(\.amount).max() ?? 0
            }
            if outside < gain {
                return [
                    result(
                        "R15",
                        .warning,
                        holds: false,
                        "A time value of \(outside) against \(gain) from early exercise."
                    )
                ]
            }
        }
        return [result("R15", .warning, holds: true, "No short leg is worth exercising early.")]
    }

    /// Only for short legs in the money does early exercise cost somebody else money.
    private func american() -> RuleResult {
        for short in shorts where short.option.intrinsic(at: subject.market.spot) > 0 {
            guard American.exerciseCanPay(short.option.right, in: subject.market) else { continue }
            let volatility = subject.volatility
            let european = BlackScholes.price(
                short.option,
                volatility: volatility,
                in: subject.market
            )
            let american = American.price(
                short.option,
                volatility: volatility,
                in: subject.market
            )
            let limit = max(limits.americanDollars, limits.americanShare * european)
            if american - european > limit {
                return result(
                    "R16",
                    .warning,
                    holds: false,
                    "Worth \(american) with early exercise, \(european) without."
                )
            }
        }
        return result("R16", .warning, holds: true, "Early exercise matters little.")
    }

    private func events() -> [RuleResult] {
        guard known.payoff.netPremium.sign > 0, let last = shorts.map(\.expiry).max() else {
            return [inapplicable("R18", "No premium is held.")]
        }
        guard let events = subject.events else { return [] }
        let hit = events.filter { $0 >= known.today && $0 <= last }.min()
        return [
            result(
                "R18",
                .warning,
                holds: hit == nil,
                hit.map {
                    "An event on \($0) falls into the life of the short legs."
                } ?? "No known event until \(last)."
            )
        ]
    }

    private func liquidity() -> [RuleResult] {
        guard let chain = subject.chain, !chain.isEmpty else { return [] }
        for leg in subject.legs {
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry,
                let quote = chain.quote(expiry, right, strike)
            else { continue }
            let spread = quote.ask - quote.bid
            let wide = spread > max(limits.spreadDollars, limits.spreadShare * quote.mid)
            let thin = (quote.openInterest ?? limits.openInterestMin) < limits.openInterestMin
            if wide || thin {
                return [
                    result(
                        "R19",
                        .warning,
                        holds: false,
                        "\(quote.symbol.compact): spread \(spread), open interest "
                            + "\(quote.openInterest.map { "\($0)" } ?? "unknown")."
                    )
                ]
            }
        }
        return [result("R19", .warning, holds: true, "Every leg can be traded.")]
    }
}
