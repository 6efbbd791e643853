package import Contract
internal import JSON
internal import Policy

/// What becomes of a request. There is no fourth way out.
package enum Ending: Sendable {
    indirect case result(ResultPayload)
    /// What a user asked for and what it cost: the result of a question for usage.
    case report([UInt8])
    indirect case rejected(Rejection)
    indirect case failed(Failure, attempts: Int)
    /// Somebody took it back before it was begun with.
    case cancelled(Cancellation)
    /// This process is stopping and has no answer: the entry is handed back.
    case abandoned
}

/// What an ending leaves in the books.
package enum Books: Sendable {
    /// It was never admitted.
    case none
    /// It was, and ends without a call: its place in the user's hour is given back.
    case uncalled(Registered)
    /// It was, and is answered without a call: it keeps its place, and costs nothing.
    case answeredUncalled(Registered)
    /// It was, and is answered by what another was who asked the same: it keeps its place, and costs
    /// nothing.
    case answeredByShared(Registered, SharedAnswer)
    /// The model was called.
    case called(Admitted, Draft)
}

extension Ending {
    /// The event, its code and its payload; nil when there is nothing to say.
    func event(
        requestID: RequestID
    ) -> (kind: TerminalEvent.Kind, code: String?, payload: [UInt8])? {
        switch self {
        case .result(let result): (.result, nil, result.payload(requestID: requestID))
        case .report(let payload): (.result, nil, payload)
        case .rejected(let rejection): (.rejected, rejection.code.rawValue, rejection.payload)
        case .failed(let failure, let attempts):
            (.failed, failure.code.rawValue, failure.payload(attempts: attempts))
        case .cancelled(let cancellation): (.cancelled, nil, cancellation.payload)
        case .abandoned: nil
        }
    }
}

extension Books {
    var account: TerminalEvent.Account? {
        switch self {
        case .none: nil
        case .uncalled: Self.uncalled(keepsPlace: false)
        case .answeredUncalled, .answeredByShared: Self.uncalled(keepsPlace: true)
        case .called(_, let draft): Self.account(of: draft)
        }
    }

    /// The reservations to settle with the fleet, and by what.
    var charges: [Charge] {
        switch self {
        // Of the fleet nothing was asked.
        case .none, .answeredByShared: []
        case .uncalled(let registered), .answeredUncalled(let registered):
            [Charge(name: registered.reservationName, cost: .zero)]
        case .called(_, let draft): draft.unsettled
        }
    }

    var user: String? {
        switch self {
        case .none: nil
        case .uncalled(let registered), .answeredUncalled(let registered),
            .answeredByShared(let registered, _):
            registered.accepted.request.userID
        case .called(let admitted, _): admitted.accepted.request.userID
        }
    }

    private static func uncalled(keepsPlace: Bool) -> TerminalEvent.Account {
        TerminalEvent.Account(
            cost: .zero,
            isEstimated: false,
            keepsPlace: keepsPlace,
            calls: Array("[]".utf8)
        )
    }

    private static func account(of draft: Draft) -> TerminalEvent.Account {
        let sums = CallSums(draft.calls)
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginArray()
        for call in draft.calls { call.write(to: &writer) }
        writer.endArray()
        return TerminalEvent.Account(
            cost: sums.cost,
            isEstimated: sums.isEstimated,
            keepsPlace: true,
            calls: writer.finish()
        )
    }
}

extension CallRecord {
    /// A row of usage, for the ledger.
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("reservation", hold.name)
        if let modelName { writer.field("model", modelName) }
        writer.field("asked_model", route.model)
        writer.field("endpoint", route.endpoint)
        writer.field("kind", kind.rawValue)
        writer.field("prompt_version", promptVersion)
        if case .metered(let usage, _) = spend {
            writer.field("prompt_tokens", usage.promptTokens)
            writer.field("cached_tokens", usage.cachedTokens)
            writer.field("completion_tokens", usage.completionTokens)
        }
        writer.field("cost_nanousd", cost.amount)
        writer.field("estimated", spend.isEstimated)
        writer.field("asked_at", askedMs)
        writer.field("answered_at", answeredMs)
        writer.endObject()
    }
}

extension Settlement.Progress {
    var kind: InterimEvent.Kind {
        switch self {
        case .accepted: .accepted
        case .provisional: .provisional
        case .asking: .progress
        }
    }

    func payload(worker: String, limits: LimitsPayload, of request: RequestID) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 160)
        writer.beginObject()
        switch self {
        case .provisional(let result): return result.payload(requestID: request)
        case .accepted:
            writer.field("worker", worker)
            writer.key("limits")
            limits.write(to: &writer)
        case .asking(let tokens):
            writer.field("stage", Stage.ask.rawValue)
            writer.field("tokens", tokens)
        }
        writer.endObject()
        return writer.finish()
    }
}
