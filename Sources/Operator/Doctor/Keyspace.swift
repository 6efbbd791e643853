import Redis

/// What only a look through the keys can tell.
struct Keyspace: Sendable {
    /// Keys of signs of life.
    private let workers: Set<String>
    /// Reply streams that never expire, some of them.
    private let orphans: [String]
    private let orphanCount: Int
    private let replyCount: Int
    /// False when there are more keys than were looked through.
    let isWhole: Bool

    private enum Limits {
        static let page = 1_000
        /// A million keys, in steps of a millisecond.
        static let pagesMax = 1_000
        static let named = 3
    }

    static func scan(in service: ServiceView) async throws(RedisError) -> Keyspace {
        let prefix = service.surroundings.streamPrefix
        var (workers, orphans): (Set<String>, [String]) = ([], [])
        var (orphanCount, replyCount, cursor, pages) = (0, 0, "0", 0)
        repeat {
            let answer = try await service.redis.send(
                RedisCommand(
                    "SCAN",
                    .text(cursor),
                    "MATCH",
                    .text("\(escaped(prefix)):{*}:*"),
                    "COUNT",
                    .number(Limits.page)
                )
            )
            guard let parts = answer.array, parts.count == 2, let next = parts[0].text else {
                break
            }
            let keys = (parts[1].array ?? []).compactMap(\.text)
            workers.formUnion(keys.filter { kind(of: $0) == "worker" })
            let replies = keys.filter { kind(of: $0) == "reply" || kind(of: $0) == "batch-reply" }
            replyCount += replies.count
            let left = try await service.redis.pipeline(
                replies.map { RedisCommand("PTTL", .text($0)) }
            )
            for (key, left) in zip(replies, left) where left.int == -1 {
                orphanCount += 1
                if orphans.count < Limits.named { orphans.append(key) }
            }
            cursor = next
            pages += 1
        } while cursor != "0" && pages < Limits.pagesMax
        return Keyspace(
            workers: workers,
            orphans: orphans,
            orphanCount: orphanCount,
            replyCount: replyCount,
            isWhole: cursor == "0"
        )
    }

    /// What stands behind the partition: `reply` of `strategy:{0}:reply:a`.
    private static func kind(of key: String) -> Substring {
        guard let end = key.firstRange(of: "}:")?.upperBound else { return "" }
        return key[end...].prefix { $0 != ":" }
    }

    /// What `MATCH` would take for a pattern.
    private static func escaped(_ text: String) -> String {
        text.map { "*?[]\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }

    func workers(withKeysFrom stem: String) -> Int { workers.count { $0.hasPrefix(stem) } }

    var check: Check {
        let part = isWhole ? "" : ", of the first million keys"
        guard orphanCount > 0 else {
            return .well("replies", "\(replyCount), each of which expires\(part)")
        }
        let more = orphanCount > orphans.count ? ", …" : ""
        return .trouble(
            "replies",
            "\(orphanCount) of \(replyCount) never expire\(part): "
                + orphans.joined(separator: ", ") + more,
            why: "nobody deletes them: somebody else made them, or took their expiry",
            mend: "redis-cli PEXPIRE '\(orphans.first ?? "")' 600000, for each"
        )
    }
}
