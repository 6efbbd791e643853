import Contract
import EventLoop
import Gateways
import Logging
import Redis
import Telemetry

// What a lane does before it can read, and after a read that failed.
extension Consumer {
    /// Takes the consumer's name. One whose bearer has just died is free once its sign of life has
    /// expired; one that is renewed meanwhile is somebody's.
    ///
    /// - Returns: Whether this process has it now.
    func claimName(_ lane: Int) async throws(RedisError) -> Bool {
        let (presence, connection) = (lanes[lane].presence, lanes[lane].connection)
        var left: Int?
        while !isStopping, !Task.isCancelled {
            if try await presence.claim(by: connection) {
                lanesState[lane].hasName = true
                return true
            }
            let now = try await presence.expiresInMs(by: connection)
            if let left, now >= left {
                stop(because: .namesake)
                return false
            }
            left = now
            // Longer than a living namesake rests between two signs.
            do { try await loop.sleep(for: Self.nameWait) } catch {}
        }
        return false
    }

    /// The pause before a name that is taken is looked at again.
    private static let nameWait = Duration.milliseconds(1_300)

    func noteAdopted(_ entries: [RawEntry]) {
        guard !entries.isEmpty else { return }
        telemetry.metrics.streams.adoptedEntries.increment(by: entries.count)
        log.notice(
            "entries whose delivery was lost on the wire were adopted",
            metadata: ["count": "\(entries.count)"]
        )
    }

    /// A missing group is made again; everything else waits for the connection to come back, with a
    /// pause that grows, so that no error can make a busy loop.
    func recover(_ lane: Int, from error: RedisError, _ pause: inout Backoff) async {
        if case .server(let answer) = error {
            if answer.prefix == "NOGROUP" || answer.prefix == "UNBLOCKED" {
                telemetry.metrics.streams.groupRecreated.increment()
                log.warning("the consumer group was missing, and is made again")
            } else {
                var facts: Logger.Metadata = ["reason": "\(answer.prefix)"]
                if answer.prefix == "NOPERM" {
                    facts["hint"] = "the user of REDIS_URL may not: see deploy/redis/users.conf"
                }
                log.error("Redis refuses to be read", metadata: facts)
            }
        }
        lanesState[lane].reading.failed(error)
        showReading()
        // It has been waited for already, and is read from as soon as it is back.
        if case .notConnected(let loss) = error, loss != .stopped { return }
        let duration = pause.next { .random(in: 0..<$0) }
        // Cancelled, the caller sees it.
        do { try await loop.sleep(for: duration) } catch {}
    }
}
