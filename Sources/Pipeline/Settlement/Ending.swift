package import Contract
internal import JSON
internal import Policy

/// What becomes of a request. There is no fourth way out.
package enum Ending: Sendable {
    indirect case result(ResultPayload)
    case rejected(Rejection)
    case failed(Failure, attempts: Int)
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
        case .answeredUncalled: Self.uncalled(keepsPlace: true)
        case .called(let admitted, let draft): Self.account(of: admitted, draft)
        }
    }

    /// The reservation to settle with the fleet, and by what.
    var charge: Charge? {
        switch self {
        case .none: nil
        case .uncalled(let registered), .answeredUncalled(let registered):
            Charge(name: registered.reservationName, cost: .zero)
        case .called(let admitted, let draft):
            Charge(
                name: admitted.registered.reservationName,
                cost: draft.spend.cost(reserved: admitted.reserved)
            )
        }
    }

    var user: String? {
        switch self {
        case .none: nil
        case .uncalled(let registered), .answeredUncalled(let registered):
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

    private static func account(
        of admitted: Admitted,
        _ draft: Draft
    ) -> TerminalEvent.Account {
        let spend = draft.spend
        let cost = spend.cost(reserved: admitted.reserved)
        var writer = JSONWriter(reservingCapacity: 192)
        writer.beginArray()
        writer.beginObject()
        writer.field("reservation", admitted.registered.reservationName)
        if case .answer(let answer) = draft.completion { writer.field("model", answer.modelName) }
        if case .metered(let usage, _) = spend {
            writer.field("prompt_tokens", usage.promptTokens)
            writer.field("cached_tokens", usage.cachedTokens)
            writer.field("completion_tokens", usage.completionTokens)
        }
        writer.field("cost_nanousd", cost.amount)
        writer.field("estimated", spend.isEstimated)
        writer.field("asked_at", draft.askedMs)
        writer.field("answered_at", draft.answeredMs)
        writer.endObject()
        writer.endArray()
        return TerminalEvent.Account(
            cost: cost,
            isEstimated: spend.isEstimated,
            keepsPlace: true,
            calls: writer.finish()
        )
    }
}

extension Draft {
    var spend: Spend {
        switch completion {
        case .answer(let answer): answer.spend
        case .failure(_, let spend): spend
        }
    }
}

extension Spend {
    func cost(reserved: NanoUSD) -> NanoUSD {
        switch self {
        case .nothing: .zero
        case .metered(_, let cost): cost
        case .unknown: reserved
        }
    }

    var isEstimated: Bool {
        if case .unknown = self { return true }
        return false
    }
}

extension Settlement.Progress {
    var kind: InterimEvent.Kind {
        switch self {
        case .accepted: .accepted
        }
    }

    func payload(worker: String, limits: LimitsPayload) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 160)
        writer.beginObject()
        switch self {
        case .accepted:
            writer.field("worker", worker)
            writer.key("limits")
            limits.write(to: &writer)
        }
        writer.endObject()
        return writer.finish()
    }
}
