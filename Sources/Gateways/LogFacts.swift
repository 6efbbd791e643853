package import Contract
package import Logging
internal import Telemetry

extension Address {
    /// What every log line on a request's way carries: its id, and its trace's where it has one.
    package var logFacts: Logger.Metadata { facts(requestID, trace) }
}

extension RequestEntry {
    /// As an address'.
    package var logFacts: Logger.Metadata { facts(requestID, trace) }
}

private func facts(_ id: RequestID, _ trace: RequestEntry.Trace) -> Logger.Metadata {
    // With room for what is said of how a request went.
    var facts = Logger.Metadata(minimumCapacity: 6)
    facts["request_id"] = .string(id.text)
    if let parent = trace.parent, let context = TraceContext(traceparent: parent) {
        facts["trace_id"] = "\(context.trace)"
    }
    return facts
}
