/// A customer's holdings, read once a request: what they are on the requested underlying, what
/// they risk, which shares are spoken for.
package struct Book: Sendable {
    /// The holdings on the requested underlying, in the order of the positions.
    package let exposures: [Exposure]
    /// The whole book's as far as known; delta in shares of each underlying.
    package let greeks: Greeks
    /// Positions whose Greeks are in `greeks`.
    package let counted: Int
    package let findings: [PositionFinding]
    /// Shares of the requested underlying, negative when short.
    package let shares: Int
    /// Shares that short calls in the book may have to deliver.
    package let encumberedShares: Int
    /// What the holdings on the underlying are worth today, in dollars of absolute value.
    package let underlyingValueUSD: Double

    /// Shares that a new call may be written on.
    package var freeShares: Int { max(0, shares - encumberedShares) }

    /// - Parameter ticker: The requested underlying; only its positions can be priced here.
    package init(
        _ positions: [Position],
        ticker: String,
        market: Conditions,
        volatility: Double,
        asOf: UTCInstant
    ) {
        var reader = BookReader(
            ticker: ticker,
            market: market,
            volatility: volatility,
            asOf: asOf
        )
        for (index, position) in positions.enumerated() { reader.read(position, at: index) }
        exposures = reader.exposures
        greeks = reader.greeks
        counted = reader.counted
        findings = reader.findings
        let calls = reader.exposures.filter { $0.instrument.right == .call }
        let (held, owed) = (reader.shares, calls.reduce(0) { $0 + $1.shares })
        shares = Int(held.rounded(.towardZero))
        encumberedShares = owed < 0 ? Int(-owed) : 0
        underlyingValueUSD = reader.valueUSD
        covering = reader.exposures.compactMap(\.covering)
        uncoveredCallShares = Cover(covering).uncoveredCallShares
    }

    /// The lines of the book on the underlying, as far as they are whole: all that cover asks.
    let covering: [Cover.Line]
    /// Shares that its own short calls may have to deliver without having them.
    let uncoveredCallShares: Int

    /// The legs of the book on the underlying and new ones together, for one exact payoff. A
    /// holding enters at what it would cost today, so that only what comes counts.
    package func combined(
        with legs: [Leg],
        market: Conditions,
        volatility: Double,
        asOf: UTCInstant
    ) -> [Leg] {
        exposures.compactMap {
            $0.leg(
                at: .modelled($0.price(in: market, volatility: volatility, asOf: asOf))
            )
        } + legs
    }
}

extension Exposure {
    /// The line as one leg; nil for less than a share or a contract.
    func leg(at price: EntryPrice) -> Leg? {
        let size = instrument == .stock ? 1 : Limits.standardMultiplier
        return Leg(
            shares < 0 ? .sell : .buy,
            instrument,
            expiry: expiry,
            quantity: Int(shares.magnitude) / size,
            price: price
        )
    }

    fileprivate var covering: Cover.Line? {
        let size = instrument == .stock ? 1 : Limits.standardMultiplier
        let whole = Int(shares.magnitude) / size * size
        guard whole > 0 else { return nil }
        return Cover.Line(
            right: instrument.right,
            expiry: expiry?.dayNumber ?? 0,
            shares: shares < 0 ? -whole : whole
        )
    }

    func option(asOf: UTCInstant) -> Option? {
        guard case .option(let right, let strike) = instrument, let expiry else { return nil }
        return Option(
            right,
            strike: strike.dollars,
            years: NewYorkTime.years(from: asOf, to: expiry)
        )
    }

    /// Dollars per share today.
    func price(in market: Conditions, volatility: Double, asOf: UTCInstant) -> Double {
        guard let option = option(asOf: asOf) else { return market.spot }
        return BlackScholes.price(option, volatility: volatility, in: market)
    }

    /// Of the whole line.
    package func greeks(
        in market: Conditions,
        volatility: Double,
        asOf: UTCInstant
    ) -> Greeks {
        guard let option = option(asOf: asOf) else { return Greeks(delta: shares) }
        return BlackScholes.value(option, volatility: volatility, in: market).greeks * shares
    }
}

/// Reads positions one after another. What cannot be read leaves a finding.
private struct BookReader {
    let ticker: String
    let market: Conditions
    let volatility: Double
    let asOf: UTCInstant
    var exposures: [Exposure] = []
    var greeks = Greeks.zero
    var counted = 0
    var findings: [PositionFinding] = []
    var shares = 0.0
    var valueUSD = 0.0

    mutating func read(_ position: Position, at index: Int) {
        func found(_ fault: PositionFinding.Fault) -> PositionFinding {
            PositionFinding(position: index, fault: fault)
        }
        let most = Double(Limits.quantityMax)
        guard position.quantity.isFinite, position.quantity != 0,
            position.quantity.magnitude <= most
        else { return findings.append(found(.quantity)) }
        let given = position.greeks.flatMap { isPossible($0, of: position) ? $0 : nil }
        if position.greeks != nil, given == nil { findings.append(found(.greeks)) }
        guard let exposure = exposure(of: position) else {
            switch kind(of: position.symbol) {
            case .other:
                if given == nil { findings.append(found(.unpriced)) }
            case .adjusted: findings.append(found(.adjusted))
            case .fractional: findings.append(found(.quantity))
            case .unreadable: findings.append(found(.symbol))
            }
            return count(given)
        }
        if let expiry = exposure.expiry, NewYorkTime.expiration(on: expiry) <= asOf {
            return findings.append(found(.expired))
        }
        exposures.append(exposure)
        if exposure.instrument == .stock { shares += exposure.shares }
        let price = exposure.price(in: market, volatility: volatility, asOf: asOf)
        valueUSD += (price * exposure.shares).magnitude
        count(given ?? exposure.greeks(in: market, volatility: volatility, asOf: asOf))
    }

    private mutating func count(_ greeks: Greeks?) {
        guard let greeks else { return }
        self.greeks = self.greeks + greeks
        counted += 1
    }

    /// Nil for what is not a standard line on the requested underlying.
    private func exposure(of position: Position) -> Exposure? {
        if position.symbol == ticker {
            return Exposure(instrument: .stock, expiry: nil, shares: position.quantity)
        }
        guard let symbol = OSISymbol(position.symbol), isOurs(symbol.root),
            position.quantity == position.quantity.rounded()
        else { return nil }
        return Exposure(
            instrument: .option(symbol.right, symbol.strike),
            expiry: symbol.expiry,
            shares: position.quantity * Double(Limits.standardMultiplier)
        )
    }

    private enum Kind {
        case other
        case adjusted
        case fractional
        case unreadable
    }

    private func kind(of symbol: String) -> Kind {
        if let option = OSISymbol(symbol) {
            return option.isAdjusted ? .adjusted : isOurs(option.root) ? .fractional : .other
        }
        let isTicker =
            (1...6).contains(symbol.utf8.count)
            && symbol.allSatisfy { $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == ".") }
        return isTicker ? .other : .unreadable
    }

    private func isOurs(_ root: String) -> Bool {
        root == OSISymbol.root(forTicker: ticker)
            || Underlyings.underlying(ofRoot: root) == ticker
    }

    /// Finite, and a delta no larger than the shares behind the position (a tenth for rounding).
    private func isPossible(_ greeks: Greeks, of position: Position) -> Bool {
        let isOption = OSISymbol(position.symbol) != nil
        let behind = position.quantity.magnitude * (isOption ? 100 : 1)
        return greeks.delta.magnitude <= 1.1 * behind && greeks.gamma.isFinite
            && greeks.thetaPerDay.isFinite && greeks.vegaPerPoint.isFinite
            && greeks.rhoPerPoint.isFinite
    }
}
