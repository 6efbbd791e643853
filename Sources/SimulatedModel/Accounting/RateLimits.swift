internal import Synchronization

/// A limit per minute that refills all the time, as the vendor's do.
package struct TokenBucket: Sendable {
    package let perMinute: Int
    private var level: Double
    private var asOf: ContinuousClock.Instant

    package init(perMinute: Int, now: ContinuousClock.Instant) {
        self.perMinute = perMinute
        level = Double(perMinute)
        asOf = now
    }

    package var remaining: Int { max(0, Int(level)) }

    /// Until the bucket is full again.
    package var reset: Duration { wait(for: Double(perMinute) - level) }

    package mutating func refill(now: ContinuousClock.Instant) {
        guard now > asOf else { return }
        level = min(Double(perMinute), level + (now - asOf) / .seconds(60) * Double(perMinute))
        asOf = now
    }

    package mutating func take(_ amount: Int) { level = max(0, level - Double(amount)) }

    /// Until `amount` is there, or nil when it is now. Never, for more than a minute's worth.
    package func shortage(of amount: Int) -> Duration? {
        Double(amount) <= level ? nil : wait(for: Double(amount) - level)
    }

    private func wait(for amount: Double) -> Duration {
        .seconds(60) * (max(0, amount) / Double(perMinute))
    }
}

/// Requests and tokens per minute, per model: the `x-ratelimit-*` headers, and refusals when asked.
package final class RateLimits: Sendable {
    /// What the headers show while no limit is set; nothing is refused then.
    package static let nominalRequestsPerMinute = 10_000
    package static let nominalTokensPerMinute = 30_000_000

    package struct State: Sendable {
        package var requests: TokenBucket
        package var tokens: TokenBucket
    }

    private let requestsPerMinute: Int?
    private let tokensPerMinute: Int?
    private let states = Mutex<[String: State]>([:])

    package init(requestsPerMinute: Int?, tokensPerMinute: Int?) {
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
    }

    /// Takes one request and its tokens. The vendor takes the larger of prompt plus cap and its
    /// estimate before it answers, and takes the request even when it refuses.
    ///
    /// - Throws: 429 in the vendor's form; with `retry-after` in whole seconds, at least 1.
    package func admit(
        _ request: ChatRequest,
        now: ContinuousClock.Instant
    ) throws(APIError)
        -> State
    {
        let name = request.model.snapshot
        let tokens = request.promptTokens + request.completionTokensMax
        let (state, refusal) = states.withLock { states in
            var state =
                states[name]
                ?? State(
                    requests: TokenBucket(
                        perMinute: requestsPerMinute ?? Self.nominalRequestsPerMinute,
                        now: now
                    ),
                    tokens: TokenBucket(
                        perMinute: tokensPerMinute ?? Self.nominalTokensPerMinute,
                        now: now
                    )
                )
            state.requests.refill(now: now)
            state.tokens.refill(now: now)
            var refusal: APIError?
            if requestsPerMinute != nil, let wait = state.requests.shortage(of: 1) {
                refusal = .rateLimited(
                    name,
                    kind: "requests",
                    short: "RPM",
                    bucket: state.requests,
                    amount: 1,
                    wait
                )
            } else if tokensPerMinute != nil, let wait = state.tokens.shortage(of: tokens) {
                refusal = .rateLimited(
                    name,
                    kind: "tokens",
                    short: "TPM",
                    bucket: state.tokens,
                    amount: tokens,
                    wait
                )
            }
            state.requests.take(1)
            if refusal == nil { state.tokens.take(tokens) }
            states[name] = state
            return (state, refusal)
        }
        if let refusal { throw refusal }
        return state
    }

    package func clear() { states.withLock { $0 = [:] } }
}

extension APIError {
    fileprivate static func rateLimited(
        _ model: String,
        kind: String,
        short: String,
        bucket: TokenBucket,
        amount: Int,
        _ wait: Duration
    ) -> APIError {
        let limit = bucket.perMinute
        let isTooLarge = amount > limit
        let place = "for \(model) in organization \(Organization.id) on \(kind) per min (\(short))"
        var error = APIError(
            429,
            type: kind,
            code: "rate_limit_exceeded",
            isTooLarge
                ? """
                Request too large \(place): Limit \(limit), Requested \(amount). The input or \
                output tokens must be reduced in order to run successfully. Visit \
                https://platform.openai.com/account/rate-limits to learn more.
                """
                : """
                Rate limit reached \(place): Limit \(limit), Used \(limit - bucket.remaining), \
                Requested \(amount). Please try again in \(GoDuration.text(wait)). Visit \
                https://platform.openai.com/account/rate-limits to learn more.
                """
        )
        if !isTooLarge {
            let seconds = max(1, Int((wait / .seconds(1)).rounded(.up)))
            error.headers = [
                Header(name: "retry-after", value: "\(seconds)"),
                Header(name: "retry-after-ms", value: "\(max(1, Int(wait / .milliseconds(1))))"),
            ]
        }
        return error
    }
}

/// Durations as Go prints them (`time.Duration.String`): `577ms`, `1s`, `8.64s`, `6m0s`, `1h0m2s`.
package enum GoDuration {
    /// To the millisecond, which is what the vendor's headers have.
    package static func text(_ duration: Duration) -> String {
        let ms = max(0, Int((duration / .milliseconds(1)).rounded()))
        if ms == 0 { return "0s" }
        if ms < 1000 { return "\(ms)ms" }
        let (minutesInAll, rest) = ms.quotientAndRemainder(dividingBy: 60_000)
        let (hours, minutes) = minutesInAll.quotientAndRemainder(dividingBy: 60)
        let seconds = JSONValue.number(Double(rest) / 1000).text + "s"
        if hours > 0 { return "\(hours)h\(minutes)m\(seconds)" }
        return minutes > 0 ? "\(minutes)m\(seconds)" : seconds
    }
}
