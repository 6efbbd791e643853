internal import Contract
internal import EventLoop
package import HTTPClient
internal import JSON
package import Logging
package import Pipeline
package import Policy
internal import Synchronization
package import Telemetry

/// The `Model` port over an OpenAI-compatible API.
///
/// The corresponding call is `POST /v1/chat/completions`; what is known of it stands in
/// `ChatRequest` and `ChatResponse`.
package final class OpenAIModel: Model {
    private let http: HTTPClient
    /// One text for all calls, so that the client sees at a glance that it is the same.
    private let url: String
    private let catalog: ModelCatalog
    private let model: ModelRow
    private let settings: Settings
    private let metrics: ModelMetrics
    private let log: Logger
    private let constantHeaders: HTTPConstantHeaders
    /// A mutex that nobody contends: the model is asked on one loop.
    private let parser = Mutex(JSONParser(limits: JSONLimits(bytesMax: Limits.answerBytesMax)))

    package enum Limits {
        /// Bytes of an answer: 4,096 tokens are some 20 KiB; a hundred times that is no answer.
        package static let answerBytesMax = 2 * 1024 * 1024
    }

    /// What an operator may set.
    package struct Settings: Sendable {
        /// `OPENAI_MODEL`, as it is asked for.
        package let modelName: String
        /// `TEMPERATURE`.
        package let temperature: Double
        package let connectLimit: Duration
        /// The longest silence of the API once it has been asked.
        package let stallLimit: Duration

        package init(
            modelName: String,
            temperature: Double,
            connectLimit: Duration,
            stallLimit: Duration
        ) {
            self.modelName = modelName
            self.temperature = temperature
            self.connectLimit = connectLimit
            self.stallLimit = stallLimit
        }
    }

    package init(
        http: HTTPClient,
        endpoint: APIEndpoint,
        catalog: ModelCatalog,
        model: ModelRow,
        settings: Settings,
        metrics: ModelMetrics,
        log: Logger
    ) throws(HTTPError) {
        self.http = http
        url = "\(endpoint.baseURL)/chat/completions"
        self.catalog = catalog
        self.model = model
        self.settings = settings
        self.metrics = metrics
        self.log = log
        constantHeaders = try HTTPConstantHeaders([
            ("Authorization", "Bearer \(endpoint.key.reveal())"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ])
    }

    package func prepare(_ question: Question) -> PreparedCall {
        let prompt = ChatRequest.prompt(for: question)
        let quote = ChatRequest.quote(
            prompt,
            outputTokensMax: question.outputTokensMax,
            model: model
        )
        return PreparedCall(prompt: prompt, quote: quote)
    }

    package func complete(_ call: PreparedCall, _ terms: CallTerms) async -> Completion {
        let chat = ChatRequest(
            prompt: call.prompt,
            outputTokensMax: terms.outputTokensMax,
            model: model,
            named: settings.modelName,
            temperature: settings.temperature
        )
        let start = EventLoop.Instant.now
        let result: Result<HTTPResponse, HTTPError>
        do throws(HTTPError) {
            result = .success(try await http.send(request(chat, terms, start)))
        } catch {
            result = .failure(error)
        }
        metrics.callDuration.record(EventLoop.Instant.now - start)
        switch result {
        case .success(let response): return read(response, terms)
        case .failure(let error):
            // What may have reached the API may be billed, though its answer never came.
            let spend: Spend = error.requestMayHaveBeenSent ? .unknown : .nothing
            return .failure(classify(error, terms), spend)
        }
    }

    private func request(
        _ chat: ChatRequest,
        _ terms: CallTerms,
        _ start: EventLoop.Instant
    ) -> HTTPRequest {
        var headers = [("X-Client-Request-Id", terms.address.requestID.text)]
        if let parent = terms.address.trace.parent {
            headers.append(("traceparent", parent))
            if let state = terms.address.trace.state { headers.append(("tracestate", state)) }
        }
        return HTTPRequest(
            method: "POST",
            url: url,
            headers: headers,
            constantHeaders: constantHeaders,
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
    private func read(_ response: HTTPResponse, _ terms: CallTerms) -> Completion {
        // The API bills no call that it refuses.
        guard response.status == 200 else { return .failure(refusal(response, terms), .nothing) }
        let answer: ChatResponse
        do throws(JSONError) {
            let document = try parser.withLock { (parser) throws(JSONError) in
                try parser.parse(response.body)
            }
            answer = try ChatResponse(document)
        } catch {
            metrics.calls.increment(.invalidResponse)
            note("the model's API answered something else than it promises", terms)
            return .failure(.unusable, .unknown)
        }
        metrics.calls.increment(.success)
        let spend = spend(answer)
        switch answer.outcome {
        case .proposal(let proposal):
            return .answer(
                .init(proposal: proposal, modelName: answer.modelName, spend: spend)
            )
        case .refused: note("the model refused", terms)
        case .cutShort: note("the model's answer was cut off by its token limit", terms)
        case .filtered: note("the model's answer was filtered by its provider", terms)
        case .empty: note("the model answered nothing", terms)
        }
        return .failure(.unusable, spend)
    }

    private func spend(_ answer: ChatResponse) -> Spend {
        guard let usage = answer.usage else { return .unknown }
        metrics.tokens.increment(.input, by: usage.promptTokens)
        metrics.tokens.increment(.cached, by: usage.cachedTokens)
        metrics.tokens.increment(.output, by: usage.completionTokens)
        let row = catalog.charged(answeredBy: answer.modelName, asked: model)
        return .metered(usage, row.price.cost(of: usage))
    }

    /// Status and code go to the log; the sentence of theirs goes nowhere.
    private func refusal(_ response: HTTPResponse, _ terms: CallTerms) -> ModelFailure {
        let error = APIError(response.body)
        let outcome: Metrics.CallOutcome =
            switch response.status {
            case 429: .rateLimited
            case 400..<500: .refused
            default: .upstreamError
            }
        metrics.calls.increment(outcome)
        var facts = terms.address.logFacts
        facts["status"] = "\(response.status)"
        if let code = error.code ?? error.type { facts["code"] = "\(code)" }
        if let id = response.headers["x-request-id"] { facts["upstream_id"] = "\(id.prefix(64))" }
        switch response.status {
        case 401, 403, 404:
            facts["hint"] = "check OPENAI_API_KEY, OPENAI_MODEL and OPENAI_BASE_URL"
            log.error("the model's API refused the request", metadata: facts)
        default: log.warning("the model's API refused the request", metadata: facts)
        }
        return .upstream
    }

    private func classify(_ error: HTTPError, _ terms: CallTerms) -> ModelFailure {
        let (outcome, failure): (Metrics.CallOutcome, ModelFailure) =
            switch error.reason {
            case .timedOut(.total): (.timeout, .deadline)
            case .timedOut: (.timeout, .upstream)
            case .cancelled, .shutDown: (.cancelled, .cancelled)
            case .responseTooLarge, .protocolViolation: (.invalidResponse, .unusable)
            default: (.connectionError, .upstream)
            }
        metrics.calls.increment(outcome)
        if failure != .cancelled {
            var facts = terms.address.logFacts
            facts["reason"] = "\(error)"
            log.warning("the model's API did not answer", metadata: facts)
        }
        return failure
    }

    private func note(_ sentence: Logger.Message, _ terms: CallTerms) {
        log.warning(sentence, metadata: terms.address.logFacts)
    }
}
