package import Contract
package import Logging
internal import Telemetry

extension Address {
    /// What every log line on a request's way carries: its id, its trace's where it has one, and which
    /// request it asks again.
    package var logFacts: Logger.Metadata { facts(requestID, trace, replayOf) }
}

extension RequestEntry {
    /// As an address'.
    package var logFacts: Logger.Metadata { facts(requestID, trace, replayOf) }
}

private func facts(
    _ id: RequestID,
    _ trace: RequestEntry.Trace,
    _ replayOf: RequestID?
) -> Logger.Metadata {
    // With room for what is said of how a request went.
    var facts = Logger.Metadata(minimumCapacity: 6)
    facts["request_id"] = .string(id.text)
    if let parent = trace.parent, let context = TraceContext(traceparent: parent) {
        facts["trace_id"] = "\(context.trace)"
    }
    if let replayOf { facts["replay_of"] = .string(replayOf.text) }
    return facts
}
