import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// The entries of dead workers go back to the retry stream, or end.
extension PartitionSupervisor {
    func takeBackFromTheDead(
        _ consumers: [(queue: Queue, name: String, held: Int)],
        _ token: Supervision.Token
    ) async throws(RedisError) {
        let dead = try await supervision.dead(among: Set(consumers.map(\.name)).sorted())
        var room = Limits.takenBackMax
        for (queue, name, held) in consumers where held > 0 && dead.contains(name) {
            try await takeBackAll(of: name, in: queue, &room, token)
        }
        for name in dead.sorted().prefix(Limits.reapedMax) {
            guard leads(token) else { return }
            guard let removed = try await supervision.reap(name, token) else {
                return fenced(token)
            }
            reached(.reaped)
            if removed == Queue.allCases.count { metrics.work.reaped.increment() }
        }
    }

    private func takeBackAll(
        of owner: String,
        in queue: Queue,
        _ room: inout Int,
        _ token: Supervision.Token
    ) async throws(RedisError) {
        var last: EntryID?
        repeat {
            guard leads(token), room > 0 else { return }
            let page = try await supervision.held(by: owner, in: queue, after: last)
            last = page.count < Supervision.Limits.pageMax ? nil : page.last?.id
            room -= page.count
            if !page.isEmpty { reached(.found) }
            let named = page.compactMap(\.requestID)
            var records: [RequestID: Supervision.Record] = [:]
            for (id, record) in zip(named, try await supervision.records(of: named)) {
                records[id] = record
            }
            // Side by side, so that they leave in one write and one round trip serves them all.
            try await forEach(page) { [records] (entry) throws(RedisError) in
                let record = entry.requestID.flatMap { records[$0] }
                _ = try await self.takeBack(entry, record, because: .dead, token)
            }
        } while last != nil
    }

    /// - Returns: False when it is somebody else's, or must be looked at again.
    func takeBack(
        _ entry: Supervision.HeldEntry,
        _ record: Supervision.Record?,
        because reason: SupervisorMetrics.Reason,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        let seal: String
        switch try await claims(of: entry, record, because: reason, token) {
        case .goOn(let found): seal = found
        case .refused: return true
        case .left: return false
        }
        switch try await supervision.requeue(
            entry,
            user: record?.user ?? "",
            because: reason,
            seal: seal,
            token
        ) {
        case .requeued(let attempt, let charge):
            reached(.requeued)
            metrics.work.reclaimed.increment(reason)
            log.info(
                "an entry was taken back",
                metadata: facts(entry, ["why": "\(reason.rawValue)", "attempt": "\(attempt)"])
            )
            try await settle(charge)
            return true
        case .hopeless(let why, let attempts):
            let end = Hopeless(why, because: reason, attempts: attempts)
            return try await bury(entry, record, end, attempts: attempts, reason, token)
        case .ghost:
            metrics.work.ghosts.increment()
            log.warning("a pending entry had no content", metadata: facts(entry))
            return true
        case .ended: return true
        case .moved, .alive: return false
        case .fenced:
            fenced(token)
            return false
        }
    }

    private func bury(
        _ entry: Supervision.HeldEntry,
        _ record: Supervision.Record?,
        _ end: Hopeless,
        attempts: Int,
        _ reason: SupervisorMetrics.Reason,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        let raw = try await supervision.peek(at: entry.id, in: entry.queue)
        let reading = raw.flatMap { unread.read($0, nowMs: 0) }
        let identity = entry.requestID.flatMap { id in
            record.map {
                .init(
                    requestID: id,
                    user: $0.user,
                    payloadHash: $0.payloadHash,
                    member: $0.member
                )
            }
                ?? reading?.identity
        }
        switch try await supervision.fail(
            entry,
            identity,
            end.failure,
            attempts: attempts,
            reason: end.reason,
            traceparent: reading?.answer.traceparent,
            onlyIfDead: reason == .dead,
            token
        ) {
        case .ended(let charge):
            reached(.buried)
            metrics.work.deadLetters.increment(end.label)
            log.warning(
                "an entry became a dead letter",
                metadata: facts(entry, ["code": "\(end.failure.code.rawValue)"])
            )
            try await settle(charge)
            return true
        case .already: return true
        case .moved: return false
        case .fenced:
            fenced(token)
            return false
        }
    }

    /// What an attempt that is over may have spent comes out of the fleet's hour. Should this be
    /// lost, the sweep of reservations does it.
    func settle(_ charge: Supervision.Charge?) async throws(RedisError) {
        guard let charge else { return }
        _ = try await reservations.settle(charge.reservation, at: charge.cost)
        reached(.settled)
    }

    private func facts(
        _ entry: Supervision.HeldEntry,
        _ more: Logger.Metadata = [:]
    ) -> Logger.Metadata {
        var facts = more
        facts["entry"] = "\(entry.id)"
        facts["queue"] = "\(entry.queue.rawValue)"
        if let id = entry.requestID { facts["request_id"] = "\(id)" }
        return facts
    }

    /// Does the same for each element at once, and throws the first error when all have ended.
    func forEach<Element: Sendable>(
        _ elements: [Element],
        _ act: @escaping @Sendable (Element) async throws(RedisError) -> Void
    ) async throws(RedisError) {
        _ = try await each(elements, act)
    }

    /// The same, and what came of each, in their order.
    func each<Element: Sendable, Value: Sendable>(
        _ elements: [Element],
        _ act: @escaping @Sendable (Element) async throws(RedisError) -> Value
    ) async throws(RedisError) -> [Value] {
        let outcomes = await withTaskGroup(of: (Int, Result<Value, RedisError>).self) { group in
            for (index, element) in elements.enumerated() {
                group.addTask {
                    do throws(RedisError) {
                        return (index, .success(try await act(element)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var outcomes: [(Int, Result<Value, RedisError>)] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        var values: [Value] = []
        for (_, outcome) in outcomes.sorted(by: { $0.0 < $1.0 }) {
            values.append(try outcome.get())
        }
        return values
    }
}
