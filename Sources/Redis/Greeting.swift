internal import Secrets

/// What is said on a new connection before anyone else may speak, and what the answers mean.
///
/// All steps go out in one write. Knows no socket: commands out, a verdict in.
struct Greeting {
    enum Step: Equatable {
        case authenticate
        case select
        case name
        /// Always the last. It finds what the others do not ask: a server that still loads its data,
        /// or one that wants a password when we have none.
        case ping
    }

    let endpoint: RedisEndpoint
    let clientName: String?

    /// The corresponding Redis commands are `AUTH`, `SELECT`, `CLIENT SETNAME`, `PING`.
    var commands: [(step: Step, command: RedisCommand)] {
        var commands: [(Step, RedisCommand)] = []
        if endpoint.user != nil || endpoint.password != nil {
            var command = RedisCommand("AUTH")
            if let user = endpoint.user { command.append(user) }
            // A user without a password of ours may be one that needs none.
            command.append(endpoint.password?.reveal() ?? "")
            commands.append((.authenticate, command))
        }
        if endpoint.database != 0 {
            commands.append((.select, RedisCommand("SELECT", .number(endpoint.database))))
        }
        if let clientName {
            commands.append((.name, RedisCommand("CLIENT", "SETNAME", .text(clientName))))
        }
        commands.append((.ping, RedisCommand("PING")))
        return commands
    }

    /// Nil when the answer lets the connection go on, else why it is of no use.
    func objection(to answer: RedisValue, of step: Step) -> RedisLoss? {
        guard case .error(let error) = answer else { return nil }
        if Self.turnsAway(error) { return .refused(error) }
        switch step {
        case .authenticate: return .authentication(error)
        case .select: return error.prefix == "NOAUTH" ? .authentication(error) : .refused(error)
        // A name is a courtesy to whoever reads CLIENT LIST; a user may lack the right to it.
        case .name: return nil
        case .ping:
            switch error.prefix {
            case "NOAUTH": return .authentication(error)
            // May not ping, or cannot save: it speaks, and commands will say what they may not.
            case "NOPERM", "MISCONF": return nil
            // LOADING, BUSY, MASTERDOWN and whatever else stands between us and every command.
            default: return .refused(error)
            }
        }
    }

    /// What a server says to a client that it does not let in. It answers no step, yet arrives where
    /// the first step's answer would be.
    private static func turnsAway(_ error: RedisServerError) -> Bool {
        error.prefix == "DENIED" || error.message.hasPrefix("max number of clients")
    }
}
