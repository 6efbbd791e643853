package import Contract
internal import JSON

/// What becomes of a request. There is no fourth way out.
package enum Ending: Sendable {
    case result(ResultPayload)
    case rejected(Rejection)
    case failed(Failure, attempts: Int)
    /// This process is stopping and has no answer: nothing is written, the entry stays pending.
    case abandoned
}

extension Ending {
    /// The event and its payload; nil when there is nothing to say.
    func event(requestID: RequestID) -> (kind: TerminalEvent.Kind, payload: [UInt8])? {
        switch self {
        case .result(let result): (.result, result.payload(requestID: requestID))
        case .rejected(let rejection): (.rejected, rejection.payload)
        case .failed(let failure, let attempts): (.failed, failure.payload(attempts: attempts))
        case .abandoned: nil
        }
    }
}

extension Settlement.Progress {
    var kind: InterimEvent.Kind {
        switch self {
        case .accepted: .accepted
        }
    }

    func payload(worker: String) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 64)
        writer.beginObject()
        switch self {
        case .accepted: writer.field("worker", worker)
        }
        writer.endObject()
        return writer.finish()
    }
}
