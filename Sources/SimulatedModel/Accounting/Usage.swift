internal import Synchronization

/// The tokens of one call, as `usage` reports them.
package struct CallTokens: Sendable, Equatable {
    package var prompt = 0
    /// Part of `prompt`.
    package var cached = 0
    /// Part of `prompt`: written into the cache and billed at its own price.
    package var cacheWrites = 0
    package var completion = 0
    /// Part of `completion`.
    package var reasoning = 0

    package init(
        prompt: Int = 0,
        cached: Int = 0,
        cacheWrites: Int = 0,
        completion: Int = 0,
        reasoning: Int = 0
    ) {
        self.prompt = prompt
        self.cached = cached
        self.cacheWrites = cacheWrites
        self.completion = completion
        self.reasoning = reasoning
    }

    package static func += (sum: inout CallTokens, more: CallTokens) {
        sum.prompt += more.prompt
        sum.cached += more.cached
        sum.cacheWrites += more.cacheWrites
        sum.completion += more.completion
        sum.reasoning += more.reasoning
    }
}

/// What the simulator was asked for and gave: the bill that a ledger must agree with.
package struct Usage: Sendable, Equatable {
    /// How a call ended.
    package enum Ending: Sendable {
        /// The whole answer was handed to the network. Billed.
        case completed
        /// The client went away, or the simulator broke off, before the answer was whole. Billed
        /// for the prompt and for what was generated until then, as the vendor does.
        case cut
        /// Answered with an error. Not billed.
        case failed
    }

    package struct Row: Sendable, Equatable {
        package var completed = 0
        package var cut = 0
        package var failed = 0
        package var tokens = CallTokens()
        /// Of cut calls alone; not part of `tokens`.
        package var cutTokens = CallTokens()

        package init() {}

        package var calls: Int { completed + cut + failed }

        package mutating func count(_ ending: Ending, _ tokens: CallTokens) {
            switch ending {
            case .completed:
                completed += 1
                self.tokens += tokens
            case .cut:
                cut += 1
                cutTokens += tokens
            case .failed: failed += 1
            }
        }
    }

    package var total = Row()
    /// By the name that the answer carries; `unknown` where the call named no model of ours.
    package var models: [String: Row] = [:]
    /// By `X-Client-Request-Id`, for the first `Limits.requestsListedMax` of them.
    package var requests: [String: Row] = [:]
    /// Calls with an id that came when the list was full.
    package var callsNotListed = 0
    package var callsWithoutID = 0
    /// Calls that have begun and not ended.
    package var inFlight = 0

    package mutating func count(
        _ ending: Ending,
        tokens: CallTokens,
        model: String?,
        requestID: String?
    ) {
        total.count(ending, tokens)
        models[model ?? "unknown", default: Row()].count(ending, tokens)
        guard let requestID else {
            callsWithoutID += 1
            return
        }
        if requests.count >= Limits.requestsListedMax, requests[requestID] == nil {
            callsNotListed += 1
            return
        }
        requests[requestID, default: Row()].count(ending, tokens)
    }
}

/// The usage of this run, shared by all connections.
package final class UsageBook: Sendable {
    private let usage = Mutex(Usage())

    package init() {}

    package func begin() { usage.withLock { $0.inFlight += 1 } }

    package func end(
        _ ending: Usage.Ending,
        tokens: CallTokens,
        model: String?,
        requestID: String?
    ) {
        usage.withLock {
            $0.inFlight -= 1
            $0.count(ending, tokens: tokens, model: model, requestID: requestID)
        }
    }

    package var snapshot: Usage { usage.withLock { $0 } }

    /// Forgets all but the calls in flight, which will be counted when they end.
    package func clear() {
        usage.withLock { usage in
            let inFlight = usage.inFlight
            usage = Usage()
            usage.inFlight = inFlight
        }
    }
}

extension Usage {
    /// The report of `GET /simulator/usage`; with ids, only those of the requests.
    package func report(onlyRequest id: String? = nil) -> [UInt8] {
        var writer = JSONWriter(reserving: 512 + requests.count * 256)
        writer.raw("{\"total\":")
        writer.row(total)
        writer.raw(",\"in_flight\":")
        writer.integer(inFlight)
        writer.raw(",\"calls_without_id\":")
        writer.integer(callsWithoutID)
        writer.raw(",\"calls_not_listed\":")
        writer.integer(callsNotListed)
        writer.raw(",\"models\":")
        writer.rows(models)
        writer.raw(",\"requests\":")
        if let id {
            writer.rows(requests[id].map { [id: $0] } ?? [:])
        } else {
            writer.rows(requests)
        }
        writer.raw("}")
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func rows(_ rows: [String: Usage.Row]) {
        raw("{")
        for (i, name) in rows.keys.sorted().enumerated() {
            if i > 0 { raw(",") }
            string(name)
            raw(":")
            row(rows[name] ?? Usage.Row())
        }
        raw("}")
    }

    fileprivate mutating func row(_ row: Usage.Row) {
        raw("{\"calls\":")
        integer(row.calls)
        raw(",\"completed\":")
        integer(row.completed)
        raw(",\"failed\":")
        integer(row.failed)
        tokens(row.tokens)
        raw(",\"cut\":{\"calls\":")
        integer(row.cut)
        tokens(row.cutTokens)
        raw("}}")
    }

    private mutating func tokens(_ tokens: CallTokens) {
        raw(",\"prompt_tokens\":")
        integer(tokens.prompt)
        raw(",\"cached_tokens\":")
        integer(tokens.cached)
        raw(",\"cache_write_tokens\":")
        integer(tokens.cacheWrites)
        raw(",\"completion_tokens\":")
        integer(tokens.completion)
        raw(",\"reasoning_tokens\":")
        integer(tokens.reasoning)
    }
}
