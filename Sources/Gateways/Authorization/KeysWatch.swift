package import Authorization
package import Logging
internal import Synchronization
package import Telemetry

/// Tells of a set of keys that cannot be read again: counted each time, logged once while it lasts, and
/// when it is over.
package final class KeysWatch: Sendable {
    private let failures: CounterFamily<NoLabels>
    private let log: Logger
    private let streak = Atomic(0)

    package init(_ failures: CounterFamily<NoLabels>, log: Logger) {
        self.failures = failures
        self.log = log
    }

    /// - Parameter failure: Nil where the set was read.
    package func saw(_ failure: UnusableKeys?) {
        guard let failure else {
            let count = streak.exchange(0, ordering: .relaxed)
            guard count > 0 else { return }
            log.notice("the keys of tokens are read again", metadata: ["failures": "\(count)"])
            return
        }
        failures.increment()
        guard streak.add(1, ordering: .relaxed).newValue == 1 else { return }
        log.warning(
            "AUTH_JWKS cannot be read: the keys that were known stay in force",
            metadata: ["reason": "\(failure)"]
        )
    }
}
