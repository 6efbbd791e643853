/// Why a statement has no answer.
package enum PostgresError: Error, Equatable, Sendable {
    /// Nothing was sent: there is no connection, and this is why.
    case notConnected(String)
    /// The statement was sent, or may have been, and its answer is lost: the outcome is unknown.
    case connectionLost(String)
    /// No answer within the time limit. The server is told to break off; the connection is given up.
    case timedOut
    /// The calling task was cancelled, and so is the statement.
    case cancelled
    /// Nothing was sent: every connection is in use, and none was given back in time.
    case exhausted
    /// Nothing was sent: a limit of `PostgresLimits` is reached.
    case tooLarge
    /// The server answered with an error: it did not do what was asked.
    case server(PostgresServerError)
}

extension PostgresError {
    /// Whether the server was not reached, as opposed to one that says no: worth another try, later.
    package var isOutage: Bool {
        switch self {
        case .notConnected, .connectionLost, .timedOut, .exhausted: true
        case .server(let error): error.state.isOutage
        case .cancelled, .tooLarge: false
        }
    }
}

/// An error of the server's. What it says about values (`DETAIL`) is left out: it may be a person's.
package struct PostgresServerError: Error, Equatable, Sendable {
    package let state: SQLState
    package let message: String
    /// The constraint that was violated, where it names one.
    package let constraint: String?

    package init(state: SQLState, message: String, constraint: String? = nil) {
        self.state = state
        self.message = message
        self.constraint = constraint
    }
}

/// Five characters; the first two are the class. The corresponding table: PostgreSQL, appendix A.
package struct SQLState: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let uniqueViolation = SQLState(rawValue: "23505")
    package static let checkViolation = SQLState(rawValue: "23514")
    package static let serializationFailure = SQLState(rawValue: "40001")
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    package static let insufficientPrivilege = SQLState(rawValue: "42501")
    package static let undefinedTable = SQLState(rawValue: "42P01")
    package static let readOnly = SQLState(rawValue: "25006")
    package static let tooManyConnections = SQLState(rawValue: "53300")
    package static let queryCanceled = SQLState(rawValue: "57014")
    package static let lockNotAvailable = SQLState(rawValue: "55P03")
    package static let noPartition = SQLState(rawValue: "23514")

    package var family: Substring { rawValue.prefix(2) }

    /// Its connections, its resources, its operator, its disk: not the statement's fault.
    package var isOutage: Bool {
        switch family {
        case "08", "53", "58": true
        case "57": self != .queryCanceled
        default: self == .readOnly
        }
    }

    /// Another transaction was in the way: the same again is likely to pass.
    package var isWorthRepeating: Bool {
        self == .serializationFailure || self == .deadlockDetected || self == .lockNotAvailable
    }
}

extension PostgresServerError: CustomStringConvertible {
    package var description: String { "\(state.rawValue) \(message)" }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notConnected(let why): "PostgreSQL is not connected: \(why)"
        case .connectionLost(let why): "PostgreSQL was lost before it answered: \(why)"
        case .timedOut: "PostgreSQL did not answer within the time limit"
        case .cancelled: "the statement was cancelled"
        case .exhausted: "all connections to PostgreSQL are in use"
        case .tooLarge: "a statement beyond \(PostgresLimits.parameterBytesMax) bytes"
        case .server(let error): "PostgreSQL answered: \(error)"
        }
    }
}
