internal import Contract
internal import EventLoop
internal import Glibc
package import HTTPClient
internal import JSON
package import Logging
internal import Options
package import Pipeline
package import Policy
internal import Synchronization
package import Telemetry

/// The `Model` port over OpenAI-compatible APIs: some endpoints, and the models that are asked there.
///
/// The corresponding call is `POST /v1/chat/completions`; what is known of it stands in
/// `ChatRequest` and `ChatResponse`.
package final class OpenAIModel: Model {
    package let routes: [Route]
    let http: HTTPClient
    private let catalog: ModelCatalog
    /// By the name that is asked for.
    private let models: [String: ModelRow]
    private let first: ModelRow
    private let settings: Settings
    private let containment: Containment
    let metrics: ModelMetrics
    private let log: Logger
    /// By the endpoint's name. A mutex that nobody contends: models are asked on one loop.
    private let doors: Mutex<[String: Door]>
    private let menuTexts = MenuTexts()
    /// Endpoints that refused to stream, by name: not asked to again by this process.
    let unstreamed = Mutex<Set<String>>([])
    let parser = Mutex(JSONParser(limits: JSONLimits(bytesMax: Limits.answerBytesMax)))

    package enum Limits {
        /// Bytes of an answer: 4,096 tokens are some 20 KiB; a hundred times that is no answer.
        package static let answerBytesMax = 2 * 1024 * 1024
    }

    /// What an operator may set.
    package struct Settings: Sendable {
        /// `TEMPERATURE`.
        package let temperature: Double
        package let connectLimit: Duration
        /// The longest silence of the API once it has been asked.
        package let stallLimit: Duration

        package init(
            temperature: Double,
            connectLimit: Duration,
            stallLimit: Duration
        ) {
            self.temperature = temperature
            self.connectLimit = connectLimit
            self.stallLimit = stallLimit
        }
    }

    /// An endpoint, made ready for calls.
    private struct Door: Sendable {
        let endpoint: APIEndpoint
        /// One text for all calls, so that the client sees at a glance that it is the same.
        let url: String
        let headers: HTTPConstantHeaders

        init(_ endpoint: APIEndpoint) throws(HTTPError) {
            self.endpoint = endpoint
            url = "\(endpoint.baseURL)/chat/completions"
            headers = try HTTPConstantHeaders([
                endpoint.authorization,
                ("Content-Type", "application/json"),
                ("Accept", "application/json"),
            ])
        }
    }

    /// - Parameters:
    ///   - endpoints: In the order in which they are tried.
    ///   - first: `OPENAI_MODEL`, as it is asked for.
    ///   - others: `OPENAI_FALLBACK_MODELS`.
    ///   - containment: What must not come back, and as whom a provider knows a user.
    package init(
        http: HTTPClient,
        endpoints: [APIEndpoint],
        catalog: ModelCatalog,
        first: (name: String, row: ModelRow),
        others: [(name: String, row: ModelRow)],
        settings: Settings,
        containment: Containment,
        metrics: ModelMetrics,
        log: Logger
    ) throws(HTTPError) {
        self.http = http
        self.catalog = catalog
        self.settings = settings
        self.containment = containment
        self.metrics = metrics
        self.log = log
        var doors: [String: Door] = [:]
        for endpoint in endpoints { doors[endpoint.name] = try Door(endpoint) }
        self.doors = Mutex(doors)
        let all = [first] + others
        self.first = first.row
        models = Dictionary(all.map { ($0.name, $0.row) }, uniquingKeysWith: { one, _ in one })
        routes = Route.chain(
            models: all.map(\.name),
            endpoints: endpoints.map(\.name)
        )
    }

    /// Puts another key in force, for calls that begin from now on.
    package func replace(_ endpoint: APIEndpoint) throws(HTTPError) {
        let door = try Door(endpoint)
        doors.withLock { $0[endpoint.name] = door }
    }

    package func quote(_ outline: Outline, by route: Route) -> Quote {
        ChatRequest.quote(
            outline.form,
            promptBytes: QuestionText.bytesMax(outline),
            outputTokensMax: outline.outputTokensMax,
            model: row(route)
        )
    }

    package func prepare(_ question: Question) -> PreparedCall {
        PreparedCall(question, prompt: QuestionText.of(question, menus: menuTexts))
    }

    package func version(of form: Question.Form) -> String { Prompts.of(form).version }

    package func quote(_ call: PreparedCall, by route: Route) -> Quote {
        ChatRequest.quote(
            call.form,
            promptBytes: call.prompt.count + ChatRequest.bytes(of: call.complaints),
            outputTokensMax: call.outputTokensMax,
            model: row(route)
        )
    }

    /// Of a route of ours, which all are that are asked for.
    private func row(_ route: Route) -> ModelRow { models[route.model] ?? first }

    package func complete(
        _ call: consuming PreparedCall,
        _ terms: CallTerms
    ) async -> Completion {
        let form = call.form
        guard let door = doors.withLock({ $0[terms.route.endpoint] }) else {
            return .failure(.unreachable, .nothing)
        }
        let start = EventLoop.Instant.now
        // What is sent is handed on, and nobody holds it while the answer is waited for.
        if let onProgress = terms.onProgress, streams(door.endpoint) {
            let request = request(copy call, terms, door, start, isStreamed: true)
            if let completion = await follow(
                consume request,
                form,
                terms,
                since: start,
                onProgress
            ) {
                return completion
            }
        }
        let request = request(consume call, terms, door, start, isStreamed: false)
        let result: Result<HTTPResponse, HTTPError>
        do throws(HTTPError) {
            result = .success(try await http.send(consume request))
        } catch {
            result = .failure(error)
        }
        metrics.callDuration.record(EventLoop.Instant.now - start)
        switch result {
        case .success(let response): return read(response, form, terms)
        case .failure(let error): return unanswered(error, terms)
        }
    }

    func unanswered(_ error: HTTPError, _ terms: CallTerms) -> Completion {
        // What may have reached the API may be billed, though its answer never came.
        .failure(classify(error, terms), error.requestMayHaveBeenSent ? .unknown : .nothing)
    }

    private func request(
        _ call: consuming PreparedCall,
        _ terms: CallTerms,
        _ door: Door,
        _ start: EventLoop.Instant,
        isStreamed: Bool
    ) -> HTTPRequest {
        let chat = ChatRequest(
            form: call.form,
            prompt: call.prompt,
            complaints: call.complaints,
            outputTokensMax: terms.outputTokensMax,
            model: row(terms.route),
            named: door.endpoint.name(of: terms.route.model),
            temperature: settings.temperature,
            canary: containment.canary,
            identifier: containment.identifier(of: terms.user),
            isStreamed: isStreamed
        )
        var headers = [("X-Client-Request-Id", terms.address.requestID.text)]
        if let parent = terms.address.trace.parent {
            headers.append(("traceparent", parent))
            if let state = terms.address.trace.state { headers.append(("tracestate", state)) }
        }
        return HTTPRequest(
            method: "POST",
            url: door.url,
            headers: headers,
            constantHeaders: door.headers,
            body: chat.body,
            limits: HTTPLimits(
                deadline: start + .milliseconds(terms.timeLeftMs),
                connect: settings.connectLimit,
                stall: settings.stallLimit,
                responseBytesMax: Limits.answerBytesMax
            )
        )
    }
}

// MARK: - What came back

extension OpenAIModel {
    func read(
        _ response: HTTPResponse,
        _ form: Question.Form,
        _ terms: CallTerms
    ) -> Completion {
        // The API bills no call that it refuses.
        guard response.status == 200 else { return .failure(refusal(response, terms), .nothing) }
        let answer: ChatResponse
        do throws(JSONError) {
            let document = try parser.withLock { (parser) throws(JSONError) in
                try parser.parse(response.body)
            }
            answer = try ChatResponse(document, of: Prompts.of(form).functionName)
        } catch {
            return unintelligible(terms)
        }
        return read(answer, form, terms)
    }

    func unintelligible(_ terms: CallTerms) -> Completion {
        metrics.calls.increment(.invalidResponse)
        note("the model's API answered something else than it promises", terms)
        return .failure(.unintelligible, .unknown)
    }

    func read(
        _ answer: ChatResponse,
        _ form: Question.Form,
        _ terms: CallTerms
    ) -> Completion {
        metrics.calls.increment(.success)
        let spend = spend(answer, terms.route)
        let what: Completion.Unusable
        if let leak = leak(answer, form) {
            metrics.leaks.increment(leak)
            note("the model's answer repeats its instructions; no word of it is used", terms)
            return .unusable(.leaked, modelName: answer.modelName, spend)
        }
        switch answer.outcome {
        case .proposal(let proposal):
            return .answer(.init(proposal: proposal, modelName: answer.modelName, spend: spend))
        case .cutShort(let beginning?) where form != .freeForm:
            // What was complete of a choice may be enough: the choice stands first.
            return .answer(.init(proposal: beginning, modelName: answer.modelName, spend: spend))
        case .cutShort:
            what = .cutShort
            note("the model's answer was cut off by its token limit", terms)
        case .refused:
            what = .refused
            note("the model refused", terms)
        case .filtered:
            what = .filtered
            note("the model's answer was filtered by its provider", terms)
        case .empty:
            what = .empty
            note("the model answered nothing", terms)
        }
        return .unusable(what, modelName: answer.modelName, spend)
    }

    private func leak(_ answer: ChatResponse, _ form: Question.Form) -> Metrics.Leak? {
        let said: [UInt8]
        switch answer.outcome {
        case .proposal(let whole), .cutShort(let whole?): said = whole
        default: return nil
        }
        switch containment.leak(in: said, of: Prompts.of(form).secrets) {
        case .canary: return .canary
        case .instructions: return .instructions
        case nil: return nil
        }
    }

    private func spend(_ answer: ChatResponse, _ route: Route) -> Spend {
        guard let usage = answer.usage else { return .unknown }
        metrics.tokens.increment(.input, by: usage.promptTokens)
        metrics.tokens.increment(.cached, by: usage.cachedTokens)
        metrics.tokens.increment(.output, by: usage.completionTokens)
        let row = catalog.charged(answeredBy: answer.modelName, asked: row(route))
        return .metered(usage, row.price.cost(of: usage))
    }

    /// Status and code go to the log; the sentence of theirs goes nowhere.
    private func refusal(_ response: HTTPResponse, _ terms: CallTerms) -> CallFault {
        let error = APIError(response.body)
        let outcome: Metrics.CallOutcome =
            switch response.status {
            case 429: .rateLimited
            case 400..<500: .refused
            case 500...: .upstreamError
            default: .invalidResponse
            }
        metrics.calls.increment(outcome)
        let fault = CallFault(
            status: response.status,
            code: error.code ?? error.type,
            isTooLarge: error.isTooLarge,
            waitMs: RetryAfter.waitMs(
                milliseconds: response.headers["retry-after-ms"],
                seconds: response.headers["retry-after"],
                sentence: error.patience,
                now: UTCInstant(seconds: Int(time(nil)))
            ),
            shouldRetry: response.headers["x-should-retry"].flatMap { Bool($0) }
        )
        var facts = facts(terms)
        facts["status"] = "\(response.status)"
        if let code = error.code ?? error.type { facts["code"] = "\(code)" }
        if let waitMs = fault.waitMs { facts["retry_after_ms"] = "\(waitMs)" }
        if let id = response.headers["x-request-id"] { facts["upstream_id"] = "\(id.prefix(64))" }
        log.warning("the model's API refused the request", metadata: facts)
        return fault
    }

    private func classify(_ error: HTTPError, _ terms: CallTerms) -> CallFault {
        let (outcome, fault): (Metrics.CallOutcome, CallFault) =
            switch error.reason {
            case .timedOut(.total): (.timeout, .deadline)
            case .timedOut(.connect): (.timeout, .unreachable)
            case .timedOut: (.timeout, .brokenOff)
            case .cancelled, .shutDown: (.cancelled, .cancelled)
            case .responseTooLarge, .protocolViolation: (.invalidResponse, .unintelligible)
            case .cannotResolve, .cannotConnect, .tls, .badURL: (.connectionError, .unreachable)
            default:
                (.connectionError, error.requestMayHaveBeenSent ? .brokenOff : .unreachable)
            }
        metrics.calls.increment(outcome)
        if fault != .cancelled {
            var facts = facts(terms)
            facts["reason"] = "\(error)"
            log.warning("the model's API did not answer", metadata: facts)
        }
        return fault
    }

    private func facts(_ terms: CallTerms) -> Logger.Metadata {
        var facts = terms.address.logFacts
        facts["endpoint"] = "\(terms.route.endpoint)"
        facts["model"] = "\(terms.route.model)"
        return facts
    }

    func note(_ sentence: Logger.Message, _ terms: CallTerms) {
        log.warning(sentence, metadata: facts(terms))
    }
}
