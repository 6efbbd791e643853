internal import Release
internal import Synchronization

/// Everything that one run of the simulator knows; shared by all its connections.
final class Simulator: Sendable {
    let settings: Settings
    let catalog: ModelCatalog
    let script = Script()
    let book = UsageBook()
    let promptCache = PromptCache()
    let repeated = RepeatedValues(names: ChatRequest.repeatedMembers)
    let rateLimits: RateLimits
    private let requestCount = Atomic<UInt64>(0)
    private let callCount = Atomic<UInt64>(0)
    private let start = ContinuousClock.now

    init(_ settings: Settings) throws(APIError) {
        self.settings = settings
        catalog = ModelCatalog(shutDown: settings.shutdownModels)
        rateLimits = RateLimits(
            requestsPerMinute: settings.requestsPerMinute,
            tokensPerMinute: settings.tokensPerMinute
        )
        try script.append(settings.script)
    }

    /// The id under which the vendor would know a request.
    func nextRequestID() -> String {
        let number = requestCount.add(1, ordering: .relaxed).oldValue
        var dice = Dice(seed: Dice.roll(seed: settings.seed &+ 1, index: number))
        return "req_" + Identifier.hex(32, dice: &dice)
    }

    /// The number of a call to the model, counted from 0: what its latency is drawn by.
    func nextCall() -> UInt64 { callCount.add(1, ordering: .relaxed).oldValue }

    func accepts(key: some StringProtocol) -> Bool {
        guard let keys = settings.apiKeys else { return key.hasPrefix("sk-sim") }
        return keys.contains(String(key))
    }

    var health: JSONValue {
        let uptime = start.duration(to: .now) / .seconds(1)
        return [
            "status": "ok", "version": .string(Release.version), "uptime_seconds": .number(uptime),
        ]
    }

    /// As if just started, but for ids, the place among the latencies, and the calls in flight.
    func reset() {
        script.clear()
        book.clear()
        promptCache.clear()
        rateLimits.clear()
    }
}
