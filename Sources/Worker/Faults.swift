import Glibc
import Pipeline
import Synchronization

/// Where tests of faults stop this process: `FAULT_AT=admitted=kill@3` kills it the third time that a
/// request has been admitted, `=freeze` stops it as SIGSTOP does.
final class Faults: Sendable {
    private let step: Step
    private let signal: Int32
    private let countdown: Atomic<Int>

    /// Nil when `text` is no fault.
    init?(_ text: String) {
        let halves = text.split(separator: "=", maxSplits: 1)
        guard halves.count == 2, let step = Step(rawValue: String(halves[0])) else { return nil }
        let parts = halves[1].split(separator: "@", maxSplits: 1)
        guard let count = parts.count == 2 ? Int(parts[1]) : 1, count > 0 else { return nil }
        switch parts[0] {
        case "kill": signal = SIGKILL
        case "freeze": signal = SIGSTOP
        default: return nil
        }
        self.step = step
        countdown = Atomic(count)
    }

    func reached(_ step: Step) {
        guard step == self.step else { return }
        if countdown.subtract(1, ordering: .relaxed).newValue == 0 { raise(signal) }
    }

    static let form =
        "expected STEP=kill or STEP=freeze, @N for the Nth time; steps are "
        + Step.allCases.map(\.rawValue).joined(separator: ", ")
}
