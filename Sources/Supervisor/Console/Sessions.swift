internal import Secrets
import Synchronization

/// What operators sign in with. Never printed, and compared in a time that tells nothing of it.
package struct ConsoleToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private let text: Secret

    package init(_ text: String) { self.text = Secret(text) }

    /// Takes another's place for whoever signs in from now on; who is signed in stays so.
    package func renew(as other: ConsoleToken) { text.renew(other.text.reveal()) }

    package var description: String { "[secret]" }
    package var debugDescription: String { description }

    package func matches(_ text: some StringProtocol) -> Bool {
        let bytes = Array(self.text.reveal().utf8)
        let given = Array(text.utf8)
        var difference = UInt8(given.count == bytes.count ? 0 : 1)
        for index in bytes.indices {
            difference |= bytes[index] ^ (index < given.count ? given[index] : 0)
        }
        return difference == 0
    }
}

/// Who has signed in, and how often somebody failed to. Forgotten when the process ends.
package final class Sessions: Sendable {
    private let state = Mutex(State())

    private struct State {
        var open: [String: Session] = [:]
        var failures: [String: [ContinuousClock.Instant]] = [:]
    }

    package struct Session: Sendable {
        /// As the operator calls himself; stands in the log beside what he does.
        package let name: String
        package let endsAt: ContinuousClock.Instant
    }

    package enum Limits {
        /// A working day.
        package static let life = Duration.seconds(43_200)
        /// Sessions that stand at once; the oldest goes when there are more.
        package static let openMax = 1_000
        /// Wrong tokens from one address, and from all, within a minute; then nobody is let in from
        /// there until the minute is over.
        package static let failuresMax = 5
        package static let failuresOfAllMax = 100
        package static let memory = Duration.seconds(60)
        /// Bytes of a name.
        package static let nameMax = 64
    }

    package init() {}

    /// - Returns: A name for it that nobody guesses.
    package func open(
        as name: String,
        for life: Duration = Limits.life,
        now: ContinuousClock.Instant,
        _ random: () -> UInt64 = { UInt64.random(in: 0...UInt64.max) }
    ) -> String {
        let id = (0..<4).map { _ in String(random(), radix: 36) }.joined(separator: "-")
        state.withLock { state in
            state.open = state.open.filter { $0.value.endsAt > now }
            if state.open.count >= Limits.openMax,
                let oldest = state.open.min(by: { $0.value.endsAt < $1.value.endsAt })
            {
                state.open[oldest.key] = nil
            }
            state.open[id] = Session(name: name, endsAt: now + life)
        }
        return id
    }

    package func find(_ id: String, now: ContinuousClock.Instant) -> Session? {
        state.withLock { $0.open[id] }.flatMap { $0.endsAt > now ? $0 : nil }
    }

    package func close(_ id: String) { state.withLock { $0.open[id] = nil } }

    /// Whether a token from this address is looked at; else in how many seconds.
    package func mayTry(from address: String, now: ContinuousClock.Instant) -> Int? {
        state.withLock { state in
            Self.forget(&state, now)
            let own = state.failures[address] ?? []
            let all = state.failures.values.reduce(0) { $0 + $1.count }
            guard own.count >= Limits.failuresMax || all >= Limits.failuresOfAllMax else {
                return nil
            }
            let first = own.first ?? state.failures.values.compactMap(\.first).min() ?? now
            return max(Int((first + Limits.memory - now) / .seconds(1)), 1)
        }
    }

    package func failed(from address: String, now: ContinuousClock.Instant) {
        state.withLock { state in
            Self.forget(&state, now)
            state.failures[address, default: []].append(now)
        }
    }

    private static func forget(_ state: inout State, _ now: ContinuousClock.Instant) {
        for (address, times) in state.failures {
            let kept = times.filter { $0 + Limits.memory > now }
            state.failures[address] = kept.isEmpty ? nil : kept
        }
    }
}
