internal import EventLoop
internal import HTTPClient
internal import JSON
internal import Logging
internal import Pipeline
internal import Policy
internal import Synchronization
internal import Telemetry

// An answer that is followed while it comes.
extension OpenAIModel {
    private enum Pace {
        /// Between the call and what is first told of it, and from there on: as often as a person
        /// looks, whatever the model's own pace.
        static let apart = Duration.milliseconds(500)
    }

    func streams(_ endpoint: APIEndpoint) -> Bool {
        unstreamed.withLock { !$0.contains(endpoint.name) }
    }

    /// - Returns: Nil when the endpoint would not stream: it has done nothing, billed nothing, and is asked
    ///   for the answer in one piece from now on.
    func follow(
        _ request: consuming HTTPRequest,
        _ form: Question.Form,
        _ terms: CallTerms,
        since start: EventLoop.Instant,
        _ onProgress: ProgressListener
    ) async -> Completion? {
        let arrived: Arrived
        do throws(HTTPError) {
            arrived = try await http.withResponse(request) { (head, body) throws(HTTPError) in
                try await receive(head, body, form, since: start, onProgress)
            }
        } catch {
            metrics.callDuration.record(EventLoop.Instant.now - start)
            return unanswered(error, terms)
        }
        metrics.callDuration.record(EventLoop.Instant.now - start)
        switch arrived {
        case .whole(let response):
            guard refusesStreams(response) else { return read(response, form, terms) }
            metrics.calls.increment(.refused)
            note("the model's API does not stream; it is asked for whole answers", terms)
            unstreamed.withLock { _ = $0.insert(terms.route.endpoint) }
            return nil
        case .stream(let answer): return read(answer, form, terms)
        case .unintelligible: return unintelligible(terms)
        }
    }

    private func refusesStreams(_ response: HTTPResponse) -> Bool {
        [400, 422].contains(response.status) && APIError(response.body).refusesStreams
    }

    private enum Arrived {
        /// A refusal, or an API that does not stream.
        case whole(HTTPResponse)
        case stream(ChatResponse)
        case unintelligible
    }

    private func receive(
        _ head: HTTPResponseHead,
        _ body: HTTPBody,
        _ form: Question.Form,
        since start: EventLoop.Instant,
        _ onProgress: ProgressListener
    ) async throws(HTTPError) -> Arrived {
        let type = (head.headers["content-type"] ?? "").lowercased()
        guard head.status == 200, type.hasPrefix("text/event-stream") else {
            var bytes: [UInt8] = []
            for try await chunk in body { bytes += chunk }
            return .whole(HTTPResponse(head: head, body: bytes))
        }
        var stream = ChatStream(of: Prompts.of(form).functionName)
        var told = start
        for try await chunk in body {
            do throws(JSONError) {
                try parser.withLock { (parser) throws(JSONError) in
                    try stream.add(chunk, &parser)
                }
            } catch {
                return .unintelligible
            }
            let now = EventLoop.Instant.now
            if stream.pieces > 0, now - told >= Pace.apart {
                told = now
                await onProgress(stream.pieces)
            }
        }
        // It ended, and the answer did not: what was written is billed all the same.
        guard let answer = stream.finished() else { return .unintelligible }
        return .stream(answer)
    }
}
