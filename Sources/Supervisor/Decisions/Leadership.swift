package import Gateways

/// Whether this process leads a partition, and under which number.
package struct Leadership: Sendable {
    package private(set) var token: Supervision.Token?

    package enum Change: Equatable, Sendable {
        case none
        case taken
        case lost
    }

    package init() {}

    /// The lease has been asked for; nil where another holds it.
    package mutating func asked(_ answer: Supervision.Token?) -> Change {
        defer { token = answer }
        // A new number without a pause is a new leadership: somebody may have led in between.
        if let answer { return answer == token ? .none : .taken }
        return token == nil ? .none : .lost
    }

    /// A script was refused for this number. A later number that was taken meanwhile stands.
    package mutating func fenced(_ refused: Supervision.Token) -> Change {
        guard token == refused else { return .none }
        token = nil
        return .lost
    }
}
