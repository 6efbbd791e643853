// Secrets: texts that only who needs them sees.
// Belongs here: keeping one, renewing it, and showing nothing of it. Does not: where it comes from.

internal import Synchronization

/// A text that no description, reflection or dump shows.
///
/// All copies are one: who renews one renews it for all that hold it, and what they begin from then
/// on, a connection or a call, is begun with the new text.
package struct Secret: Sendable {
    private final class Cell: Sendable {
        let text: Mutex<String>

        init(_ text: String) { self.text = Mutex(text) }
    }

    private let cell: Cell

    package init(_ text: String) { cell = Cell(text) }

    /// The text itself, for the one header or command that needs it.
    package func reveal() -> String { cell.text.withLock { $0 } }

    /// - Returns: Whether it was another text.
    @discardableResult
    package func renew(_ text: String) -> Bool {
        cell.text.withLock { known in
            guard known != text else { return false }
            known = text
            return true
        }
    }
}

extension Secret: Equatable {
    package static func == (one: Secret, other: Secret) -> Bool { one.reveal() == other.reveal() }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "[secret]" }
    package var debugDescription: String { "[secret]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
