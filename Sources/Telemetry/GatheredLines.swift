internal import Synchronization

/// Gathers the lines of one turn of a loop and writes them in one go: a system call a line costs
/// more than the line.
///
/// An urgent line is written at once, with those before it: what a crash can lose is the present
/// turn's lines of no urgency. So is every line from elsewhere than the loop.
package final class GatheredLines: Sendable {
    package enum Limits {
        /// Bytes written in one go. What a pipe takes whole (`PIPE_BUF`) stays whole.
        package static let bytesMax = 4_096
    }

    private struct State {
        var lines: [UInt8] = []
        var later: (@Sendable (_ act: @escaping @Sendable () -> Void) -> Bool)?
    }
    private let state = Mutex(State())
    private let target: LogSink

    package init(to target: LogSink) { self.target = target }

    /// What a handler writes to.
    package var sink: LogSink {
        LogSink { line, isUrgent in self.take(line, isUrgent: isUrgent) }
    }

    /// Begins to gather; until then every line is written at once.
    ///
    /// - Parameter later: Calls what it is given when the turn ends, and answers true; false where
    ///   it is not called on the loop.
    package func gather(
        _ later: @escaping @Sendable (_ act: @escaping @Sendable () -> Void) -> Bool
    ) {
        state.withLock { $0.later = later }
    }

    private func take(_ line: [UInt8], isUrgent: Bool) {
        state.withLock { state in
            if state.lines.count + line.count > Limits.bytesMax { write(&state) }
            let isFirst = state.lines.isEmpty
            state.lines.append(contentsOf: line)
            if isUrgent {
                write(&state)
            } else if isFirst {
                let isLater = state.later.map { later in later { self.flush() } } ?? false
                if !isLater { write(&state) }
            }
        }
    }

    private func flush() { state.withLock { write(&$0) } }

    private func write(_ state: inout State) {
        guard !state.lines.isEmpty else { return }
        target.write(state.lines, isUrgent: true)
        state.lines.removeAll(keepingCapacity: true)
    }
}
