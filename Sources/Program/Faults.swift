import Glibc
import Synchronization

/// Places in a program at which a test may stop it: a closed list, each with its name.
package protocol FaultPoint: CaseIterable, Equatable, RawRepresentable, Sendable
where RawValue == String {}

/// Where tests of faults stop this process: `FAULT_AT=admitted=kill@3` kills it the third time that it
/// gets to the point of that name, `=freeze` stops it as SIGSTOP does.
package final class Faults<Point: FaultPoint>: Sendable {
    private let point: Point
    private let signal: Int32
    private let countdown: Atomic<Int>
    private let stop: @Sendable (Int32) -> Void

    /// Nil when `text` is no fault.
    ///
    /// - Parameter stop: Sends this process a signal: only a program may end itself.
    package init?(_ text: String, stop: @escaping @Sendable (Int32) -> Void) {
        let halves = text.split(separator: "=", maxSplits: 1)
        guard halves.count == 2, let point = Point(rawValue: String(halves[0])) else { return nil }
        let parts = halves[1].split(separator: "@", maxSplits: 1)
        guard let count = parts.count == 2 ? Int(parts[1]) : 1, count > 0 else { return nil }
        switch parts[0] {
        case "kill": signal = SIGKILL
        case "freeze": signal = SIGSTOP
        default: return nil
        }
        self.point = point
        self.stop = stop
        countdown = Atomic(count)
    }

    package func reached(_ point: Point) {
        guard point == self.point else { return }
        if countdown.subtract(1, ordering: .relaxed).newValue == 0 { stop(signal) }
    }

    package static var form: String {
        "expected POINT=kill or POINT=freeze, @N for the Nth time; points are "
            + Point.allCases.map(\.rawValue).joined(separator: ", ")
    }
}

extension Values {
    /// Nil outside tests of faults.
    package func faults<Point: FaultPoint>(
        _ variable: Variable,
        at _: Point.Type,
        stop: @escaping @Sendable (Int32) -> Void
    ) throws(SettingsError) -> Faults<Point>? {
        guard let text = optional(variable) else { return nil }
        guard let faults = Faults<Point>(text, stop: stop) else {
            throw SettingsError(variable, Faults<Point>.form)
        }
        return faults
    }
}
