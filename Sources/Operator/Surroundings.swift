import ArgumentParser
import Contract
import EventLoop
import Glibc
import Policy
import Postgres
import Redis

/// Where the streams are: from the environment, else, all of it, from `.run/env` of the current folder.
struct Surroundings {
    let redis: RedisEndpoint
    let streamPrefix: String
    let partitions: Int
    /// The workers' setting, where it is told here as well.
    let defaultTier: Tier
    /// The same: the most that one user may have of what the fleet may spend.
    let userCostShare: Double
    /// The database's addresses, by the variables that hold them.
    private let databases: [String: String]

    init() throws {
        // The addresses of one service: who names another Redis means nothing of this folder's, whose
        // database would be told of other users.
        let names: [String] = ["REDIS_URL", "REDIS_HOST", "REDIS_PORT"]
        let isNamed = names.contains { name in unsafe getenv(name) != nil }
        let file = isNamed ? [:] : Self.read(".run/env")
        func value(_ name: String) -> String? {
            let set = unsafe getenv(name).map { unsafe String(cString: $0) } ?? file[name]
            return set?.isEmpty == true ? nil : set
        }
        if let url = value("REDIS_URL") {
            do throws(RedisEndpointError) {
                redis = try RedisEndpoint(url: url)
            } catch {
                complain("REDIS_URL: \(error)")
                throw ExitCode.usage
            }
        } else {
            guard let port = Int(value("REDIS_PORT") ?? "6379"), (1...65_535).contains(port) else {
                complain("REDIS_PORT: expected a port")
                throw ExitCode.usage
            }
            redis = RedisEndpoint(host: value("REDIS_HOST") ?? "localhost", port: port)
        }
        databases = ["DATABASE_URL", "DATABASE_READ_URL", "DATABASE_MIGRATE_URL"].reduce(
            into: [:]
        ) { $0[$1] = value($1) }
        streamPrefix = value("STREAM_PREFIX") ?? "strategy"
        guard let count = Int(value("PARTITIONS") ?? "1"), (1...1_024).contains(count) else {
            complain("PARTITIONS: expected a number from 1 to 1024")
            throw ExitCode.usage
        }
        partitions = count
        guard let tier = Tier(rawValue: (value("DEFAULT_TIER") ?? "free").lowercased()) else {
            complain("DEFAULT_TIER: expected free, basic, premium or enterprise")
            throw ExitCode.usage
        }
        defaultTier = tier
        guard let share = Double(value("USER_COST_SHARE") ?? "1"), share > 0, share <= 1 else {
            complain("USER_COST_SHARE: expected a number above 0, at most 1")
            throw ExitCode.usage
        }
        userCostShare = share
    }

    var hasDatabase: Bool {
        databases["DATABASE_READ_URL"] != nil || databases["DATABASE_URL"] != nil
    }

    /// Where PostgreSQL is, for one of its roles.
    func database(_ role: DatabaseRole) throws -> PostgresAddress {
        guard let name = role.variables.first(where: { databases[$0] != nil }),
            let url = databases[name]
        else {
            complain("\(role.variables.joined(separator: " or ")) is not set")
            throw ExitCode.usage
        }
        do throws(PostgresAddressError) {
            return try PostgresAddress(url: url)
        } catch {
            complain("\(name): \(error)")
            throw ExitCode.usage
        }
    }

    func keys(ofUser userID: String) -> Keys {
        Keys(
            prefix: streamPrefix,
            partition: Partition.of(userID: userID, count: partitions)
        )
    }

    /// `NAME=value`, one a line; quotes around a value are taken off. Empty when there is no file.
    private static func read(_ path: String) -> [String: String] {
        guard let bytes = InputFile.read(path, bytesMax: 65_536) else { return [:] }
        var values: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            guard let equals = line.firstIndex(of: "="), !line.hasPrefix("#") else { continue }
            var value = line[line.index(after: equals)...]
            for quote in ["'", "\""]
            where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
                value = value.dropFirst().dropLast()
            }
            values[String(line[..<equals])] = String(value)
        }
        return values
    }
}

/// Runs `body` with a connection, and leaves none behind.
func withRedis<Value: Sendable>(
    _ surroundings: Surroundings,
    isQuiet: Bool = false,
    _ body: @escaping @Sendable (RedisConnection, EventLoop) async throws -> Value
) async throws -> Value {
    let endpoint = surroundings.redis
    return try await EventLoop.run(named: "strategyctl") { loop in
        var options = RedisOptions()
        options.clientName = "strategyctl"
        let connection: RedisConnection
        do throws(RedisError) {
            connection = try RedisConnection(
                to: endpoint,
                on: loop,
                options: options,
                random: { .random(in: 0..<$0) }
            )
        } catch {
            complain("\(error)")
            throw ExitCode.unavailable
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await connection.run() }
            let outcome: Result<Value, any Error>
            do {
                do throws(RedisError) {
                    try await connection.whenReady(within: .seconds(5))
                } catch {
                    if !isQuiet { complain("\(error) (\(endpoint))") }
                    throw ExitCode.unavailable
                }
                outcome = .success(try await body(connection, loop))
            } catch {
                outcome = .failure(error)
            }
            group.cancelAll()
            try await group.waitForAll()
            return try outcome.get()
        }
    }
}

/// A file, or standard input, read whole.
enum InputFile {
    /// Nil when it cannot be opened, or holds more than `bytesMax`.
    static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
        let fd = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(fd, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= bytesMax else { return nil }
        }
    }
}
