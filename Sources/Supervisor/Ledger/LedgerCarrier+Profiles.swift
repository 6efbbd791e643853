import Contract
import EventLoop
import Gateways
import Postgres
import Redis
import Telemetry

/// Copies of users' profiles: made again in Redis when they change in PostgreSQL, and all of them at
/// first. While PostgreSQL is away those that are there stay in force.
extension LedgerCarrier {
    func refreshProfiles() async throws(Failure) {
        let now = loop.now
        if let profilesAt, now - profilesAt < Limits.profilesPause { return }
        do throws(Failure) {
            try await copyProfiles()
        } catch {
            metrics.ledger.profilesStale.increment()
            throw error
        }
        profilesAt = now
    }

    private func copyProfiles() async throws(Failure) {
        var mark = profilesMark.withOverlap
        while true {
            let after = mark
            let page = try await inPostgres { (store) throws(PostgresError) in
                try await ProfileStore(pool: store.pool).changes(after: after)
            }
            for (user, profile, _) in page
            where Partition.of(userID: user, count: partitions) == store.partition {
                let (outbox, key) = (outbox, outbox.keys.userProfile(user))
                try await inRedis { () throws(RedisError) in
                    try await outbox.copy(profile, to: key)
                }
            }
            guard let last = page.last else { break }
            mark = last.mark
            profilesMark = max(profilesMark, last.mark)
            if page.count < ProfileStore.Limits.pageMax { break }
        }
    }

    private func max(_ a: ProfileStore.Mark, _ b: ProfileStore.Mark) -> ProfileStore.Mark {
        a.microseconds >= b.microseconds ? a : b
    }
}
