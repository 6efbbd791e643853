internal import Contract
internal import JSON
internal import Options

/// What tells two questions apart: a hash of all that a model would read, and of the models.
///
/// The market is in it by buckets, so that a tick makes no other question; what is on the menu is in it
/// by name, leg and size, so that a number in an answer means the same to all. Where the request tells
/// what somebody holds, or of an account, its user is in it, too: then nothing is shared among users.
package struct AnswerKey: Hashable, Sendable {
    /// 32 hexadecimal digits.
    package let hash: String

    package init(hash: String) { self.hash = hash }

    /// - Parameters:
    ///   - version: Of the prompt.
    ///   - models: That are asked, in this order.
    init(_ question: Question, of world: Enriched, version: String, models: [String]) {
        var writer = JSONWriter(reservingCapacity: 2_048)
        writer.beginArray()
        writer.value("1")
        writer.value(version)
        Self.list(models, to: &writer) { $1.value($0) }
        writer.value(question.outputTokensMax)
        Self.write(world.request, to: &writer)
        Self.write(question.facts, to: &writer)
        Self.list(question.candidates, to: &writer, Self.write)
        writer.endArray()
        hash = PayloadHash(of: writer.finish()).text
    }

    private enum Buckets {
        /// Points.
        static let vix = 0.5
        /// Annual, as a fraction: half a point.
        static let volatility = 0.005
        /// Figures of a price that count: 450.0 and 450.04 are one, 450.1 is another.
        static let priceFigures = 4
    }

    private static func write(_ request: GenerateRequest, to writer: inout JSONWriter) {
        let (market, account) = (request.market, request.account)
        writer.value(request.intent)
        writer.value(request.mode.rawValue)
        writer.value(request.detail.rawValue)
        writer.value(request.isPersonal ? request.userID : "")
        optional(request.preferences.maxLoss, to: &writer)
        optional(request.preferences.maxDebit, to: &writer)
        optional(account.equity, to: &writer)
        optional(account.buyingPower, to: &writer)
        optional(account.approvalLevel.map(Double.init), to: &writer)
        optional(account.disclosureDelivered.map { $0 ? 1 : 0 }, to: &writer)
        writer.value(market.asOf?.description ?? "")
        optional(market.rate, to: &writer)
        optional(market.dividendYield, to: &writer)
        list(market.dividends ?? [], to: &writer) { dividend, writer in
            writer.value(dividend.exDate.description)
            writer.value(dividend.amount)
        }
        list(market.chain, to: &writer) { quote, writer in
            writer.value(quote.symbol.description)
            writer.value(quote.bid)
            writer.value(quote.ask)
            optional(quote.impliedVolatility, to: &writer)
            writer.value(quote.openInterest ?? -1)
        }
        list(request.portfolio.positions ?? [], to: &writer) { position, writer in
            writer.value(position.symbol)
            writer.value(position.quantity)
        }
    }

    private static func write(_ facts: Facts, to writer: inout JSONWriter) {
        writer.value(facts.symbol)
        writer.value(figures(facts.spot.dollars, Buckets.priceFigures))
        writer.value(facts.today.description)
        writer.value(facts.trend?.rawValue ?? "")
        optional(facts.vix.map { bucket($0, Buckets.vix) }, to: &writer)
        writer.value(bucket(facts.volatility, Buckets.volatility))
        writer.value(facts.tolerance?.rawValue ?? "")
        writer.value(facts.sharesHeld ?? 0)
        let greeks = facts.greeks.map { [$0.delta, $0.gamma, $0.thetaPerDay, $0.vegaPerPoint] }
        list(greeks ?? [], to: &writer) { $1.value($0) }
        list(facts.events, to: &writer) { $1.value("\($0.kind) \($0.date)") }
        list(facts.expiries, to: &writer) { $1.value($0.description) }
        writer.value(facts.strikeStep)
    }

    private static func write(_ candidate: Candidate, to writer: inout JSONWriter) {
        writer.value(candidate.name.rawValue)
        list(candidate.legs, to: &writer) { leg, writer in
            writer.value(leg.action.rawValue)
            writer.value(leg.quantity)
            writer.value(leg.instrument.word)
            optional(leg.instrument.strike?.dollars, to: &writer)
            writer.value(leg.expiry?.description ?? "")
        }
    }

    /// In brackets of its own, so that no list goes over into what follows it.
    private static func list<Element>(
        _ elements: [Element],
        to writer: inout JSONWriter,
        _ write: (Element, inout JSONWriter) -> Void
    ) {
        writer.beginArray()
        for element in elements { write(element, &writer) }
        writer.endArray()
    }

    private static func optional(_ value: Double?, to writer: inout JSONWriter) {
        if let value { writer.value(value) } else { writer.null() }
    }

    private static func bucket(_ value: Double, _ width: Double) -> Double {
        (value / width).rounded()
    }

    /// The first `count` figures of a positive number; their place does not go lost.
    private static func figures(_ value: Double, _ count: Int) -> Double {
        var (scaled, place) = (value, 0)
        var limit = 1.0
        for _ in 0..<count { limit *= 10 }
        while scaled >= limit, place < 32 { (scaled, place) = (scaled / 10, place + 1) }
        while scaled < limit / 10, place > -32 { (scaled, place) = (scaled * 10, place - 1) }
        return scaled.rounded() + Double(place) * limit * 10
    }
}

extension GenerateRequest {
    /// Whether it tells of what somebody holds, or of an account: then its answer is its user's alone.
    var isPersonal: Bool {
        portfolio.positions != nil || portfolio.greeks != nil || account.equity != nil
            || account.buyingPower != nil || account.approvalLevel != nil
            || account.disclosureDelivered != nil
    }
}
