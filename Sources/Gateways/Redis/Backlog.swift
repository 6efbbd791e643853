internal import Contract

/// How many entries of a stream wait, and whether Redis' own count says the same.
package struct Backlog: Equatable, Sendable {
    package let waiting: Int
    package let inFlight: Int
    package let isLagKnown: Bool
    /// Milliseconds; 0 when nothing waits.
    package let oldestAgeMs: Int64

    package init(_ stream: Measurement.Stream, nowMs: Int64) {
        // A pending entry may have lost its content: then it is not in the stream's length.
        waiting = max(stream.length - stream.pending, 0)
        inFlight = stream.pending
        isLagKnown = stream.lag == waiting
        oldestAgeMs =
            stream.oldestWaiting.map {
                max(nowMs - Int64(clamping: $0.milliseconds), 0)
            } ?? 0
    }
}
