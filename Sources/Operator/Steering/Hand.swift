import ArgumentParser
import Desk
import Glibc
import Redis

/// Whose hand is on the wheel, and how long it waits to feel it turn.
struct Hand: ParsableArguments {
    @Option(help: "Who says so: told to whoever asked, and logged. [your name on this machine]")
    var by: String?

    @Option(help: "Seconds to wait until it is done.")
    var wait = 10.0

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func validate() throws {
        guard (0...3_600).contains(wait) else {
            throw ValidationError("--wait takes seconds from 0 to 3600")
        }
        if let by, !(1...128).contains(by.utf8.count) {
            throw ValidationError("--by takes 1 to 128 bytes")
        }
    }

    var name: String {
        if let by { return by }
        for variable in ["USER", "LOGNAME"] {
            if let name = unsafe getenv(variable).map({ unsafe String(cString: $0) }),
                (1...128).contains(name.utf8.count)
            {
                return name
            }
        }
        return "uid \(getuid())"
    }

    var end: ContinuousClock.Instant { .now + .milliseconds(Int64(wait * 1_000)) }

    /// What is said where no supervisor has come to it.
    static let unheard =
        "nobody has carried it out yet: is a supervisor running? It stands, and is carried out "
        + "when one does"
}

extension ServiceView {
    /// Adds an order to one of the supervisor's streams.
    ///
    /// - Parameter fields: Names and values in turn.
    /// - Returns: Its entry's ID.
    /// The corresponding Redis command is `XADD`.
    func order(_ fields: [String], on stream: String) async throws -> String {
        var command = RedisCommand("XADD")
        command.append(stream)
        command.append("*")
        for field in fields { command.append(field) }
        guard let id = try await redis.send(command).text else {
            complain("\(stream) is no stream: is this the service's Redis?")
            throw ExitCode.unavailable
        }
        return id
    }

    /// Waits until an order is gone, which it is when all of it has been done.
    ///
    /// - Returns: False when it is still there.
    func carriedOut(
        _ order: String,
        on stream: String,
        by end: ContinuousClock.Instant
    ) async throws -> Bool {
        while true {
            let left = try await redis.send(
                RedisCommand("XRANGE", .text(stream), .text(order), .text(order))
            )
            if left.array?.isEmpty != false { return true }
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
