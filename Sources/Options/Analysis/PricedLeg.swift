/// A leg of a request once its time, its price and its volatility are known.
struct PricedLeg: Sendable {
    let leg: Leg
    /// To its expiry; nil for stock that names none.
    let years: Double?
    /// What its Greeks use: its own, else the document's, else the one its price implies.
    let volatility: Double?
    let given: Double?
    let implied: Double?
    let failure: ImpliedVolatility.Failure?
    let greeks: Greeks?
    private let intrinsic: Double

    /// Nil for stock.
    var optionYears: Double? { leg.instrument == .stock ? nil : years }

    /// The market of a request, its numbers checked.
    static func market(of request: AnalysisRequest) throws(AnalysisError) -> Conditions {
        guard !request.legs.isEmpty else {
            throw AnalysisError(
                code: .noLegs,
                field: "/legs",
                message: "/legs: expected at least one leg"
            )
        }
        let most = Double(Limits.strikeThousandthsMax) / 1_000
        try check(request.spot > 0 && request.spot <= most, "/spot", priceExpected)
        try check(request.rate.magnitude <= 100, "/rate", rateExpected)
        try check(request.dividendYield.magnitude <= 100, "/dividend_yield", rateExpected)
        try check(isVolatility(request.volatility), "/volatility", volatilityExpected)
        return Conditions(
            spot: request.spot,
            rate: request.rate,
            dividendYield: request.dividendYield
        )
    }

    /// All legs of a request, in its market.
    static func legs(
        of request: AnalysisRequest,
        in market: Conditions
    ) throws(AnalysisError) -> [PricedLeg] {
        var memo = PricingMemo(request.style, market)
        var legs: [PricedLeg] = []
        legs.reserveCapacity(request.legs.count)
        for index in request.legs.indices {
            legs.append(try PricedLeg(request, index, &memo))
        }
        return legs
    }

    private init(
        _ request: AnalysisRequest,
        _ index: Int,
        _ memo: inout PricingMemo
    ) throws(AnalysisError) {
        let draft = request.legs[index]
        let path = "/legs/\(index)"
        try Self.check(
            Self.isVolatility(draft.volatility),
            path + "/volatility",
            Self.volatilityExpected
        )
        if let years = draft.years {
            try Self.check(years.magnitude <= 1_000, path + "/years", "at most 1000 years")
        }
        var quoted: EntryPrice?
        if let price = draft.price {
            guard MicroUSD(dollars: price) != nil else {
                throw Self.outOfRange(path + "/price", "at most 1000000000 dollars a share")
            }
            quoted = Self.entry(at: price)
        }
        given = draft.price
        let years = try Self.years(draft, request, path)
        self.years = years
        if draft.kind == .stock {
            let entry = quoted ?? Self.entry(at: request.spot)
            leg = try Self.leg(draft, .stock, entry, path)
            (volatility, implied, failure) = (nil, nil, nil)
            (greeks, intrinsic) = (Greeks(delta: 1), request.spot)
            return
        }
        guard let dollars = draft.strike else {
            throw Self.missing(path + "/strike", "an option has a strike")
        }
        guard let strike = Strike(toTheMillionth: dollars) else {
            throw Self.outOfRange(path + "/strike", "dollars from 0.001 to 1000000000")
        }
        guard let years else {
            throw Self.missing(path + "/expiry", "an option has an expiry, or its life in years")
        }
        let right: Right = draft.kind == .call ? .call : .put
        let option = Option(right, strike: dollars, years: years)
        let found = draft.price.map { memo.implied(option, price: $0) }
        (implied, failure) = (found?.volatility, found?.failure)
        volatility = draft.volatility ?? request.volatility ?? found?.volatility
        intrinsic = option.intrinsic(at: request.spot)
        // At T = 0 no volatility makes a difference.
        let usable = volatility ?? (years == 0 ? 0 : nil)
        let model = usable.map { memo.value(option, volatility: $0) }
        greeks = model?.greeks
        guard let entry = quoted ?? model.map({ .modelled($0.price) }) else {
            throw Self.missing(
                path + "/volatility",
                "an option without a price needs one"
            )
        }
        leg = try Self.leg(draft, .option(right, strike), entry, path)
    }

    func reported(symbol: String?) -> Analysis.Leg {
        var name: String?
        if let symbol, let expiry = leg.expiry, case .option(let right, let strike) = leg.instrument
        {
            name =
                OSISymbol(
                    root: OSISymbol.root(forTicker: symbol),
                    expiry: expiry,
                    right: right,
                    strike: strike
                )?.description
        }
        return Analysis.Leg(
            symbol: name,
            price: given ?? leg.price.dollars,
            intrinsic: intrinsic,
            impliedVolatility: implied,
            impliedVolatilityError: failure,
            greeks: greeks
        )
    }

    private static func years(
        _ draft: AnalysisRequest.Leg,
        _ request: AnalysisRequest,
        _ path: String
    ) throws(AnalysisError) -> Double? {
        if let years = draft.years { return max(0, years) }
        guard let expiry = draft.expiry else { return nil }
        guard let asOf = request.asOf else {
            // A share has no life of its own: without `as_of` it has no horizon either.
            if draft.kind == .stock { return nil }
            throw missing("/as_of", "an expiry needs a moment to be counted from")
        }
        return NewYorkTime.years(from: asOf, to: expiry)
    }

    private static func leg(
        _ draft: AnalysisRequest.Leg,
        _ instrument: Instrument,
        _ entry: EntryPrice,
        _ path: String
    ) throws(AnalysisError) -> Leg {
        let leg = Leg(
            draft.action,
            instrument,
            expiry: draft.expiry,
            quantity: draft.quantity,
            multiplier: draft.multiplier,
            price: entry
        )
        guard let leg else {
            guard (1...Limits.quantityMax).contains(draft.quantity) else {
                let expected = "a whole number from 1 to \(Limits.quantityMax)"
                throw outOfRange(path + "/quantity", expected)
            }
            let expected = "a whole number from 1 to \(Limits.multiplierMax)"
            throw outOfRange(path + "/multiplier", expected)
        }
        return leg
    }

    /// Exact when the price is a whole number of millionths, the double itself when not.
    private static func entry(at price: Double) -> EntryPrice {
        guard let exact = MicroUSD(dollars: price), exact.dollars == price
        else { return .modelled(price) }
        return .quoted(exact)
    }

    private static func isVolatility(_ volatility: Double?) -> Bool {
        guard let volatility else { return true }
        return volatility >= 0 && volatility <= 100
    }

    private static let priceExpected = "dollars above 0, at most 1000000000"
    private static let rateExpected = "a rate per year from -100 to 100"
    private static let volatilityExpected = "a volatility from 0 to 100, where 0.2 is 20 %"

    private static func check(
        _ holds: Bool,
        _ field: String,
        _ expected: String
    ) throws(AnalysisError) {
        if !holds { throw outOfRange(field, expected) }
    }

    private static func outOfRange(_ field: String, _ expected: String) -> AnalysisError {
        AnalysisError(
            code: .outOfRange,
            field: field,
            message: "\(field): expected \(expected)"
        )
    }

    private static func missing(_ field: String, _ why: String) -> AnalysisError {
        AnalysisError(code: .missing, field: field, message: "\(field): is required: \(why)")
    }
}
