internal import Glibc

/// R15–R19: exercise, expiry, events and liquidity.
struct MarketRules {
    private let known: Evidence
    private let limits: Thresholds

    init(_ known: Evidence, _ limits: Thresholds) {
        self.known = known
        self.limits = limits
    }

    func write(to report: inout RuleReport) {
        report.add(assignment())
        report.add(american())
        report.add(events())
        report.add(liquidity())
    }

    private var shorts: some Sequence<Evidence.Line> {
        known.options.lazy.filter { $0.leg.action == .sell }
    }

    /// A holder exercises where the time value is less than the dividend, or the interest.
    private func assignment() -> Finding? {
        guard shorts.contains(where: { _ in true }) else {
            return inapplicable("R15", "Nothing is sold.")
        }
        for short in shorts where short.option.intrinsic(at: known.subject.market.spot) > 0 {
            let inside = short.option.intrinsic(at: known.subject.market.spot)
            let outside = short.leg.price.dollars - inside
            let gain: Double
            switch short.option.right {
            case .put:
                gain =
                    short.option.strike * (1 - exp(-known.subject.market.rate * short.option.years))
            case .call:
                guard let dividends = known.subject.dividends else { return nil }
                gain =
                    dividends.filter { $0.exDate > known.today && $0.exDate <= short.expiry }
                    .map(\.amount).max() ?? 0
            }
            if outside < gain {
                return result(
                    "R15",
                    .warning,
                    holds: false,
                    "A time value of {$} a share against {$} from early exercise.",
                    outside,
                    gain
                )
            }
        }
        return result("R15", .warning, holds: true, "No short leg is worth exercising early.")
    }

    /// Only for short legs in the money does early exercise cost somebody else money.
    private func american() -> Finding {
        for short in shorts where short.option.intrinsic(at: known.subject.market.spot) > 0 {
            guard American.exerciseCanPay(short.option.right, in: known.subject.market) else {
                continue
            }
            let volatility = known.subject.volatility
            let european = BlackScholes.price(
                short.option,
                volatility: volatility,
                in: known.subject.market
            )
            let american = American.price(
                short.option,
                volatility: volatility,
                in: known.subject.market
            )
            let limit = max(limits.americanDollars, limits.americanShare * european)
            if american - european > limit {
                return result(
                    "R16",
                    .warning,
                    holds: false,
                    "Worth {$} a share with early exercise, {$} without.",
                    american,
                    european
                )
            }
        }
        return result("R16", .warning, holds: true, "Early exercise matters little.")
    }

    private func events() -> Finding? {
        guard known.payoff.netPremium.sign > 0,
            let last = shorts.max(by: { $0.expiry < $1.expiry })?.expiry
        else { return inapplicable("R18", "No premium is held.") }
        guard let events = known.subject.events else { return nil }
        let hit = events.filter { $0 >= known.today && $0 <= last }.min()
        return result(
            "R18",
            .warning,
            failsWith: hit.map { "An event on \($0) falls into the life of the short legs." },
            "No known event falls into the life of the short legs."
        )
    }

    private func liquidity() -> Finding? {
        guard let chain = known.subject.chain, !chain.isEmpty else { return nil }
        for leg in known.subject.legs {
            guard case .option(let right, let strike) = leg.instrument, let expiry = leg.expiry,
                let quote = chain.quote(expiry, right, strike)
            else { continue }
            let spread = quote.ask - quote.bid
            let wide = spread > max(limits.spreadDollars, limits.spreadShare * quote.mid)
            let thin = (quote.openInterest ?? limits.openInterestMin) < limits.openInterestMin
            if wide || thin {
                return failure(
                    "R19",
                    .warning,
                    "\(quote.symbol.compact): a spread of \(Wording.dollars(spread)), open "
                        + "interest \(quote.openInterest.map { "\($0)" } ?? "unknown")."
                )
            }
        }
        return result("R19", .warning, holds: true, "Every leg can be traded.")
    }
}
