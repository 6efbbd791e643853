package import Contract
package import Logging
internal import Telemetry

extension Address {
    /// What every log line on a request's way carries: its id, and its trace's where it has one.
    package var logFacts: Logger.Metadata {
        var facts: Logger.Metadata = ["request_id": "\(requestID.text)"]
        if let parent = trace.parent, let context = TraceContext(traceparent: parent) {
            facts["trace_id"] = "\(context.trace)"
        }
        return facts
    }
}
