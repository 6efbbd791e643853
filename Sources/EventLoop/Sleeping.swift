extension EventLoop {
    /// Suspends until `deadline`. Ends at once, with `CancellationError`, when the task is cancelled.
    package func sleep(until deadline: Instant) async throws {
        let sleeper = Sleeper(loop: self)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                execute { sleeper.begin(until: deadline, continuation) }
            }
        } onCancel: {
            execute { sleeper.cancel() }
        }
    }

    package func sleep(for duration: Duration) async throws {
        try await sleep(until: .now + duration)
    }

    /// One sleeping task. Every method is loop-bound, which is what makes it `Sendable`.
    private final class Sleeper: @unchecked Sendable {
        private let loop: EventLoop
        private var timer: Timer?
        private var continuation: CheckedContinuation<Void, any Error>?
        private var cancelled = false

        init(loop: EventLoop) { self.loop = loop }

        func begin(until deadline: Instant, _ continuation: CheckedContinuation<Void, any Error>) {
            guard !cancelled else { return continuation.resume(throwing: CancellationError()) }
            self.continuation = continuation
            timer = loop.schedule(at: deadline) { [self] in
                timer = nil
                self.continuation.take()?.resume()
            }
        }

        func cancel() {
            cancelled = true
            if let timer = timer.take() { loop.cancel(timer) }
            continuation.take()?.resume(throwing: CancellationError())
        }
    }
}
