internal import Contract
package import EventLoop
package import Gateways
package import Logging
package import Postgres
internal import ServiceLifecycle
package import Telemetry

/// Walks the audit chains of the partitions that this process leads, each from its first record to its
/// end, on as it grows, and once a day anew, so that a chain that somebody broke is known before anybody
/// asks for it.
///
/// A page at a time, of one partition after the other: what that costs does not grow with what there is.
package actor AuditWatch {
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    private nonisolated let loop: EventLoop
    private nonisolated let supervisors: [PartitionSupervisor]
    private nonisolated let trail: AuditTrail
    private nonisolated let metrics: AuditMetrics
    private nonisolated let log: Logger
    /// By partition, of those that are led.
    private var rounds: [Int: Round] = [:]

    package enum Limits {
        /// Records of one page: at some 8 KB each, 3 ms of hashing.
        package static let pageMax = 100
        /// Between two pages: 400 records a second, 3 MB of PostgreSQL's.
        package static let rest = Duration.milliseconds(250)
        /// Between two looks at the end of a chain, and whether another partition is led.
        package static let endRest = Duration.seconds(1)
        /// After a flaw, before the chain is walked again.
        package static let flawRest = Duration.seconds(10)
        /// After which a chain is walked anew.
        package static let day = Duration.seconds(86_400)
        /// Before PostgreSQL is asked again that did not answer.
        package static let outageRest = Duration.seconds(5)
    }

    /// One way along a chain.
    private struct Round {
        var walk: AuditWalk
        var beganAt: EventLoop.Instant
        var dueAt: EventLoop.Instant
        /// Records that are there and were not looked at.
        var unwalked: Int64 = 0
        /// What an earlier round found, or this one; none once a round has come to the end.
        var flaw: AuditWalk.Flaw?
    }

    package init(
        on loop: EventLoop,
        of supervisors: [PartitionSupervisor],
        in trail: AuditTrail,
        metrics: AuditMetrics,
        log: Logger
    ) {
        self.loop = loop
        self.supervisors = supervisors
        self.trail = trail
        self.metrics = metrics
        self.log = log
    }
}

extension AuditWatch: Service {
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.carryOn() }
    }

    private func carryOn() async {
        while !Task.isCancelled {
            var rest: Duration
            do throws(PostgresError) {
                rest = try await step() ? Limits.rest : Limits.endRest
            } catch {
                // That it is away is told by who carries the ledger.
                log.debug("the audit trail was not read", metadata: ["reason": "\(error)"])
                rest = Limits.outageRest
            }
            do { try await loop.sleep(for: rest) } catch { return }
        }
    }

    /// Walks one page of the chain whose turn it is.
    ///
    /// - Returns: False where no chain's turn has come.
    package func step() async throws(PostgresError) -> Bool {
        await followLeadership()
        defer { show() }
        let now = loop.now
        guard let (partition, round) = rounds.min(by: { $0.value.dueAt < $1.value.dueAt }),
            round.dueAt <= now
        else { return false }
        let isNew = round.walk.seq == 0 || now - round.beganAt > Limits.day
        let seq = isNew ? 0 : round.walk.seq
        let (end, checkpoints, page) = try await trail.inOneMoment {
            (connection) throws(PostgresError) in
            (
                try await AuditTrail.ends(connection).first { $0.partition == partition },
                isNew ? try await AuditTrail.checkpoints(of: partition, connection) : [:],
                try await AuditTrail.page(
                    of: partition,
                    after: seq,
                    countMax: Limits.pageMax,
                    connection
                )
            )
        }
        var next = round
        if isNew {
            next.walk = AuditWalk(partition: partition, checkpoints: checkpoints)
            next.beganAt = now
        }
        take(page, to: end, in: &next, now)
        rounds[partition] = next
        return true
    }

    private func followLeadership() async {
        for supervisor in supervisors {
            let partition = supervisor.supervision.keys.partition
            if await supervisor.leadership.token == nil {
                rounds[partition] = nil
            } else if rounds[partition] == nil {
                rounds[partition] = Round(
                    walk: AuditWalk(partition: partition),
                    beganAt: loop.now,
                    dueAt: loop.now
                )
            }
        }
    }

    private func take(
        _ page: [AuditTrail.Entry?],
        to end: AuditTrail.End?,
        in round: inout Round,
        _ now: EventLoop.Instant
    ) {
        do throws(AuditWalk.Flaw) {
            for entry in page { try round.walk.take(entry) }
            metrics.walked.increment(by: page.count)
            let isAtEnd = page.count < Limits.pageMax
            if isAtEnd {
                if let end { try round.walk.finish(at: end) }
                if round.flaw != nil { told(wholeAgain: round) }
                round.flaw = nil
            }
            round.unwalked = max((end?.seq ?? 0) - round.walk.seq, 0)
            round.dueAt = now + (isAtEnd ? Limits.endRest : .zero)
        } catch {
            if round.flaw != error { told(error) }
            // From its first record again: what was found may be put right, or was never so.
            round.walk = AuditWalk(partition: round.walk.partition)
            round.dueAt = now + Limits.flawRest
            round.flaw = error
        }
    }

    private func told(_ flaw: AuditWalk.Flaw) {
        log.error(
            "the audit chain is broken",
            metadata: [
                "partition": "\(flaw.partition)", "seq": "\(flaw.seq)", "reason": "\(flaw.what)",
            ]
        )
    }

    private func told(wholeAgain round: Round) {
        log.notice(
            "the audit chain is whole again",
            metadata: ["partition": "\(round.walk.partition)", "seq": "\(round.walk.seq)"]
        )
    }

    private func show() {
        metrics.broken.set(to: rounds.values.count { $0.flaw != nil })
        metrics.unwalked.set(to: Int(rounds.values.reduce(0) { $0 + $1.unwalked }))
    }
}
