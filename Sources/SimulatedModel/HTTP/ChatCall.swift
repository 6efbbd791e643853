internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// One call of `POST /v1/chat/completions`, in the order in which things happen to it.
struct ChatCall {
    let simulator: Simulator
    let connection: Connection
    /// The `X-Client-Request-Id` under which the call is entered in the book.
    let clientID: String?
    /// What the answer calls itself; the vendor's `x-request-id`.
    let requestID: String
    let key: String?
    let number: UInt64
    let start = ContinuousClock.now
    let startOnLoop = NIODeadline.now()

    /// Reads, checks, decides what goes wrong, answers and paces.
    ///
    /// - Throws: `APIError` for what the vendor refuses; `Connection.Gone`.
    func respond(to body: consuming [UInt8]) async throws -> Response {
        let request = try read(body)
        let misbehavior = simulator.script.take(
            model: request.model,
            named: request.requestedModel,
            requestID: clientID,
            key: key
        )
        if let error = misbehavior?.error {
            try await refuse(error, request, latency: misbehavior?.latency)
        }
        let limits = try admit(request)
        let plan = plan(request, misbehavior, limits)
        return try await plan.streams ? stream(plan) : answer(plan)
    }

    /// Everything that is known before the first wait. Not the request: thousands may be waiting.
    private struct Plan {
        let streams: Bool
        let streamsUsage: Bool
        let obfuscates: Bool
        let body: CompletionBody
        let account: CallAccount
        let mode: Misbehavior.Mode?
        let latency: Duration
        let limits: RateLimits.State
    }

    private func read(_ body: [UInt8]) throws(APIError) -> ChatRequest {
        do {
            return try ChatRequest(body, in: simulator.catalog, repeated: simulator.repeated)
        } catch {
            bookFailure(model: nil)
            throw error
        }
    }

    private func admit(_ request: ChatRequest) throws(APIError) -> RateLimits.State {
        do {
            return try simulator.rateLimits.admit(request, now: start)
        } catch {
            bookFailure(model: request.model.snapshot)
            throw error
        }
    }

    private func bookFailure(model: String?) {
        CallAccount(simulator.book, model: model, requestID: clientID, tokens: CallTokens()).fail()
    }

    private func refuse(_ error: APIError, _ request: ChatRequest, latency: Latency?) async throws {
        let account = CallAccount(
            simulator.book,
            model: request.model.snapshot,
            requestID: clientID,
            tokens: CallTokens()
        )
        if let latency {
            try await connection.wait(until: deadline(after: sample(latency)))
        }
        account.fail()
        throw error
    }

    private func plan(
        _ request: ChatRequest,
        _ misbehavior: Misbehavior?,
        _ limits: RateLimits.State
    )
        -> Plan
    {
        let seed = simulator.settings.seed
        let answer = Answer(
            to: request,
            misbehavior: misbehavior,
            seed: seed,
            proseTokens: simulator.settings.proseTokens
        )
        let (cached, written) = simulator.promptCache.look(
            request.promptDigest,
            model: request.model,
            promptTokens: request.promptTokens
        )
        let tokens = CallTokens(
            prompt: request.promptTokens,
            cached: cached,
            cacheWrites: written,
            completion: answer.completionTokens,
            reasoning: answer.reasoningTokens
        )
        var dice = Dice(seed: Dice.roll(seed: ~seed, index: number))
        return Plan(
            streams: request.streams,
            streamsUsage: request.streamsUsage,
            obfuscates: request.obfuscates,
            body: CompletionBody(
                id: "chatcmpl-" + Identifier.letters(29, dice: &dice),
                created: Int(Date.now.timeIntervalSince1970),
                request: request,
                answer: answer,
                tokens: misbehavior?.mode == .wrongUsage
                    ? CallTokens(prompt: 1, cached: 0, cacheWrites: 0, completion: 1, reasoning: 0)
                    : tokens,
                hasUsage: misbehavior?.mode != .noUsage
            ),
            account: CallAccount(
                simulator.book,
                model: request.model.snapshot,
                requestID: clientID,
                tokens: tokens
            ),
            mode: misbehavior?.mode,
            latency: sample(misbehavior?.latency ?? simulator.settings.latency),
            limits: limits
        )
    }

    private func sample(_ latency: Latency) -> Duration {
        latency.sample(seed: simulator.settings.seed, call: number)
    }

    private func deadline(after duration: Duration) -> NIODeadline {
        startOnLoop + TimeAmount(duration)
    }

    private func headers(_ contentType: String, _ plan: Plan) -> HTTPFields {
        ResponseHeaders.fields(
            contentType: contentType,
            requestID: requestID,
            elapsed: start.duration(to: .now),
            limits: plan.limits
        )
    }

    // MARK: - An answer in one piece

    private func answer(_ plan: Plan) async throws -> Response {
        if plan.mode == .drip { return drip(plan) }
        do {
            let isStalled = plan.mode == .stall
            try await connection.wait(until: isStalled ? nil : deadline(after: plan.latency))
        } catch {
            plan.account.cut(completion: generated(plan))
            throw error
        }
        switch plan.mode {
        case .reset:
            plan.account.cut(completion: plan.body.tokens.completion)
            await connection.reset()
            throw Connection.Gone()
        case .html:
            plan.account.complete()
            return Response(.ok, headers("text/html", plan), json: Array(Self.page.utf8))
        case .truncate, .resetMidway, .stallMidway: return half(plan)
        default:
            let body = plan.body.whole
            plan.account.complete()
            let type = plan.mode == .wrongType ? "text/plain" : "application/json"
            return Response(.ok, headers(type, plan), json: body)
        }
    }

    private static let page = """
        <html><head><title>200 OK</title></head><body><center><h1>OK</h1></center><hr>\
        <center>cloudflare</center></body></html>
        """

    /// Half of the body under a header that promises all of it.
    private func half(_ plan: Plan) -> Response {
        let body = plan.body.whole
        return Response(
            status: .ok,
            headers: headers("application/json", plan),
            body: ResponseBody(contentLength: body.count) { [self] writer in
                plan.account.cut(completion: plan.body.tokens.completion)
                try await writer.write(ByteBuffer(bytes: body.prefix(body.count / 2)))
                try await breakOff(plan.mode)
            }
        )
    }

    /// Never silent for long, and never done in a hurry.
    private func drip(_ plan: Plan) -> Response {
        let body = plan.body.whole
        return Response(
            status: .ok,
            headers: headers("application/json", plan),
            body: ResponseBody(contentLength: body.count) { [self] writer in
                let pieces = 20
                do {
                    for piece in 0..<pieces {
                        try await connection.wait(
                            until: deadline(after: plan.latency / pieces * (piece + 1))
                        )
                        let part = body[
                            (body.count * piece / pieces)..<(body.count * (piece + 1) / pieces)
                        ]
                        try await writer.write(ByteBuffer(bytes: part))
                    }
                    plan.account.complete()
                } catch {
                    plan.account.cut(completion: plan.body.tokens.completion)
                    throw error
                }
                try await writer.finish(nil)
            }
        )
    }

    /// The end of an answer that has no end. Hummingbird closes a connection whose body throws.
    private func breakOff(_ mode: Misbehavior.Mode?) async throws -> Never {
        if mode == .stallMidway { try await connection.wait(until: nil) }
        if mode == .resetMidway { await connection.reset() }
        throw Connection.Gone()
    }

    /// How far the model has come, when it makes its tokens at an even pace.
    private func generated(_ plan: Plan) -> Int {
        let all = plan.body.tokens.completion
        guard plan.mode != .stall, plan.latency > .zero else { return 0 }
        return min(all, Int(Double(all) * (start.duration(to: .now) / plan.latency)))
    }

    // MARK: - An answer in events

    private func stream(_ plan: Plan) async throws -> Response {
        switch plan.mode {
        case .stall, .reset, .html, .unstreamed: return try await answer(plan)
        default: break
        }
        return Response(
            status: .ok,
            headers: headers("text/event-stream; charset=utf-8", plan),
            body: ResponseBody { [self] writer in
                var written = 0
                do {
                    let events = events(plan)
                    let isBroken = [.truncate, .resetMidway, .stallMidway].contains(plan.mode)
                    let whole = isBroken ? events.prefix(events.count / 2) : events[...]
                    try await write(whole, of: events.count, plan, &writer, counting: &written)
                    if isBroken { try await breakOff(plan.mode) }
                    plan.account.complete()
                } catch {
                    plan.account.cut(completion: written)
                    throw error
                }
                try await writer.finish(nil)
            }
        )
    }

    private func events(_ plan: Plan) -> [CompletionBody.Event] {
        plan.body.events(
            withUsage: plan.streamsUsage,
            obfuscated: plan.obfuscates,
            dice: Dice(seed: Dice.roll(seed: simulator.settings.seed, index: ~number))
        )
    }

    /// Events leave at least so far apart, several at a time when the model is faster: a thousand
    /// streams of 100 tokens a second each would otherwise be a hundred thousand timers a second.
    private static let writesApartMin = Duration.milliseconds(10)

    @concurrent private func write(
        _ events: ArraySlice<CompletionBody.Event>,
        of total: Int,
        _ plan: Plan,
        _ writer: inout any ResponseBodyWriter,
        counting written: inout Int
    ) async throws {
        let apart = plan.latency / total
        let atOnce =
            apart >= Self.writesApartMin || apart == .zero
            ? (apart == .zero ? total : 1)
            : Int((Self.writesApartMin / apart).rounded(.up))
        var next = events.startIndex
        while next < events.endIndex {
            let end = min(next + atOnce, events.endIndex)
            try await connection.wait(until: deadline(after: apart * end))
            var buffer = ByteBuffer()
            for event in events[next..<end] { buffer.writeBytes(event.bytes) }
            try await writer.write(buffer)
            written = events[end - 1].tokens
            next = end
        }
    }
}
