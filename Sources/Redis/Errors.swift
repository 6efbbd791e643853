/// Why a command has no answer.
package indirect enum RedisError: Error, Equatable, Sendable {
    /// The command was not sent: there is no connection. The loss is why there is none.
    case notConnected(RedisLoss)
    /// The command was sent, or may have been, and its answer is lost: the outcome is unknown.
    case connectionLost(RedisLoss)
    /// No answer within the time limit. The outcome is unknown, and the connection is given up.
    case timedOut
    /// The calling task was cancelled. A command that was already sent runs on in the server.
    case cancelled
    /// The server answered with an error: it did not do what was asked.
    case server(RedisServerError)
    /// The command was not sent: a limit of `RedisLimits` is reached.
    case overloaded
    /// The command was not sent: it would change how replies follow commands (`SUBSCRIBE`,
    /// `MONITOR`), which this connection does not do.
    case unsupportedCommand
    /// A `rediss://` address in a build without TLS. Set `HIREDIS_TLS=1` where libhiredis has it.
    case tlsUnavailable
}

/// Why a connection ended, or could not be made.
package indirect enum RedisLoss: Equatable, Sendable {
    /// `run()` has not begun, or the first attempt is under way.
    case notYetConnected
    /// `run()` has ended.
    case stopped
    /// The host's name leads to no address; the resolver's sentence.
    case unresolved(String)
    /// No connection, or no greeting, within `RedisOptions.connectTimeLimit`.
    case connectTimedOut
    /// A command was not answered in time, and took the connection with it.
    case commandTimedOut
    /// The server closed the connection.
    case closedByServer
    /// The operating system's word: refused, reset, no route.
    case network(String)
    /// What came is not what a Redis server sends.
    case protocolViolation(String)
    /// User or password were refused, or are missing.
    case authentication(RedisServerError)
    /// The server refused the connection or its greeting: too many clients, still loading.
    case refused(RedisServerError)
    /// TLS could not be agreed upon; the library's sentence.
    case tls(String)
}

/// An error reply. The protocol has one line: a code in capitals, then a sentence.
package struct RedisServerError: Error, Equatable, Sendable {
    /// `WRONGTYPE`, `NOSCRIPT`, `ERR` …; empty when the line does not begin with one.
    package let prefix: String
    /// The line without its prefix.
    package let message: String

    package init(prefix: String, message: String) {
        self.prefix = prefix
        self.message = message
    }

    /// Splits an error line.
    package init(line: String) {
        let word = line.prefix { $0 != " " }
        let isCode =
            !word.isEmpty
            && word.utf8.allSatisfy {
                (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
            }
        prefix = isCode ? String(word) : ""
        message = isCode ? String(line.dropFirst(word.count + 1)) : line
    }
}

extension RedisServerError: CustomStringConvertible {
    package var description: String { prefix.isEmpty ? message : "\(prefix) \(message)" }
}

extension RedisLoss: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notYetConnected: "not connected yet"
        case .stopped: "the connection was stopped"
        case .unresolved(let why): "the host's name cannot be resolved: \(why)"
        case .connectTimedOut: "connecting took longer than its time limit"
        case .commandTimedOut: "a command was not answered within its time limit"
        case .closedByServer: "the server closed the connection"
        case .network(let why): why
        case .protocolViolation(let why): "the server broke the protocol: \(why)"
        case .authentication(let error): "the server refused user or password: \(error)"
        case .refused(let error): "the server refused the connection: \(error)"
        case .tls(let why): why
        }
    }

    /// A word for logs and metrics; one of a fixed set.
    package var code: String {
        switch self {
        case .notYetConnected: "not_yet_connected"
        case .stopped: "stopped"
        case .unresolved: "unresolved"
        case .connectTimedOut: "connect_timed_out"
        case .commandTimedOut: "command_timed_out"
        case .closedByServer: "closed_by_server"
        case .network: "network"
        case .protocolViolation: "protocol_violation"
        case .authentication: "authentication"
        case .refused: "refused"
        case .tls: "tls"
        }
    }
}

extension RedisError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notConnected(let loss): "Redis is not connected: \(loss)"
        case .connectionLost(let loss): "Redis was lost before it answered: \(loss)"
        case .timedOut: "Redis did not answer within the time limit"
        case .cancelled: "the Redis command was cancelled"
        case .server(let error): "Redis answered: \(error)"
        case .overloaded: "too much is waiting for Redis"
        case .unsupportedCommand: "this connection cannot subscribe or monitor"
        case .tlsUnavailable:
            "rediss:// needs a build with TLS (libhiredis 1.0 or later with hiredis_ssl)"
        }
    }
}
