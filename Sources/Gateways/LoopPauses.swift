package import EventLoop
internal import Pipeline

/// The `Pauses` port: the loop's own timers, and the system's dice.
package struct LoopPauses: Pauses {
    private let loop: EventLoop

    package init(_ loop: EventLoop) { self.loop = loop }

    package func pause(ms: Int64) async throws(CancellationError) {
        do { try await loop.sleep(for: .milliseconds(ms)) } catch { throw CancellationError() }
    }

    package func chance() -> Double { .random(in: 0..<1) }
}
