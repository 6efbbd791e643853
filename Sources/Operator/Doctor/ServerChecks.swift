import Desk
import Glibc
import Redis

/// What the service needs of its Redis server.
struct ServerChecks: Sendable {
    private let info: [String: String]
    /// By `CONFIG GET`; empty where that is not allowed.
    private let configuration: Fields
    private let skewMs: Int64

    private enum Limits {
        static let skewReportedMs: Int64 = 1_000
        static let memoryShare = 0.8
        static let versionMin = 7
        static let nodeBytesMax: Int64 = 1_024
    }

    static func run(in service: ServiceView) async throws(RedisError) -> [Check] {
        let before = systemMs()
        let now = try await service.nowMs()
        let after = systemMs()
        let answers = try await service.redis.pipeline([
            RedisCommand("INFO"),
            RedisCommand("CONFIG", "GET", "stream-node-max-bytes"),
            RedisCommand("CONFIG", "GET", "appendfsync"),
        ])
        // Redis read its clock somewhere between.
        let skew = now < before ? now - before : max(now - after, 0)
        let checks = ServerChecks(
            info: lines(of: answers[0].text ?? ""),
            configuration: Fields(
                .array((answers[1].array ?? []) + (answers[2].array ?? []))
            ),
            skewMs: skew
        )
        return [
            checks.version, checks.mode, checks.eviction, checks.memory, checks.persistence,
            checks.nodes, checks.clock,
        ]
    }

    private static func systemMs() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static func lines(of text: String) -> [String: String] {
        text.split(whereSeparator: \.isNewline).reduce(into: [:]) { all, line in
            let halves = line.split(separator: ":", maxSplits: 1)
            if halves.count == 2 { all[String(halves[0])] = String(halves[1]) }
        }
    }

    private var version: Check {
        let version = info["redis_version"] ?? "?"
        guard let major = version.split(separator: ".").first.flatMap({ Int($0) }),
            major >= Limits.versionMin
        else {
            return .trouble(
                "version",
                "Redis \(version)",
                why: "scripts use PEXPIRETIME, and read lag from XINFO: both are of 7.0",
                mend: "upgrade to Redis 7.0 or later"
            )
        }
        return .well("version", "Redis \(version)")
    }

    private var mode: Check {
        guard info["cluster_enabled"] == "1" else { return .well("mode", "one server, no cluster") }
        return .trouble(
            "mode",
            "cluster mode is on",
            why: "processes do not follow redirections yet, and will not start",
            mend: "use a server with cluster-enabled no"
        )
    }

    private var eviction: Check {
        let policy = info["maxmemory_policy"] ?? "?"
        guard policy != "noeviction" else { return .well("eviction", "noeviction") }
        return .trouble(
            "eviction",
            "maxmemory-policy is \(policy)",
            why: "a full Redis would drop requests, reservations and answers unseen",
            mend: "redis-cli CONFIG SET maxmemory-policy noeviction"
        )
    }

    private var memory: Check {
        let used = info["used_memory"].flatMap { Double($0) } ?? 0
        let most = info["maxmemory"].flatMap { Double($0) } ?? 0
        let text = "\(Figures.plain((used / 1_048_576).rounded())) MiB used"
        guard most > 0 else { return .well("memory", text + ", no maxmemory") }
        let share = "\(text) of \(Figures.plain((most / 1_048_576).rounded()))"
        guard used > most * Limits.memoryShare else { return .well("memory", share) }
        return .trouble(
            "memory",
            share,
            why: "once it is full nothing new is taken, and XADD fails for those who ask",
            mend: "redis-cli CONFIG SET maxmemory …, or `strategyctl lag` for what fills it"
        )
    }

    private var persistence: Check {
        guard info["aof_enabled"] == "1" else {
            return .trouble(
                "persistence",
                "appendonly is off",
                why: "a restart of Redis forgets requests, answers and what was spent",
                mend: "redis-cli CONFIG SET appendonly yes"
            )
        }
        guard info["aof_last_write_status"] != "err" else {
            return .trouble(
                "persistence",
                "the last write to the append-only file failed",
                why: "Redis refuses writes, or loses them when it is killed",
                mend: "look at the server's log and at the room on its disk"
            )
        }
        switch configuration["appendfsync"] {
        case "always": return .well("persistence", "append-only, appendfsync always")
        case "no":
            return .trouble(
                "persistence",
                "appendfsync is no",
                why:
                    "what the kernel has not written is lost with its machine: half a minute of it",
                mend: "redis-cli CONFIG SET appendfsync everysec (or always)"
            )
        case let policy?:
            return .well(
                "persistence",
                "append-only, appendfsync \(policy): a killed Redis loses up to two seconds"
            )
        case nil: return .well("persistence", "append-only; CONFIG does not tell appendfsync")
        }
    }

    private var nodes: Check {
        guard let bytes = configuration.int("stream-node-max-bytes") else {
            return .well("stream nodes", "CONFIG does not tell stream-node-max-bytes")
        }
        let text = "stream-node-max-bytes is \(bytes)"
        guard bytes > Limits.nodeBytesMax || bytes == 0 else { return .well("stream nodes", text) }
        return .trouble(
            "stream nodes",
            text,
            why: "every answer is a stream of its own, and takes a whole node of memory",
            mend: "redis-cli CONFIG SET stream-node-max-bytes 1024"
        )
    }

    private var clock: Check {
        let text = "\(skewMs) ms from this machine's"
        guard abs(skewMs) > Limits.skewReportedMs else { return .well("clock", text) }
        return .trouble(
            "clock",
            text,
            why: "deadlines follow Redis' clock; whoever computes with another one asks too late",
            mend: "set both machines' clocks by NTP: `chronyc tracking`"
        )
    }
}
