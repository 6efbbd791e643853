import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// Requests that no worker has read are answered once their deadline is past; their entries stay.
extension PartitionSupervisor {
    func answerUnread(
        _ token: Supervision.Token,
        _ books: Measurement
    ) async throws(RedisError) {
        for queue in Queue.allCases {
            guard leads(token), let stream = books.streams[queue] else { continue }
            try await answerUnread(in: queue, stream, nowMs: books.nowMs, token)
        }
    }

    private func answerUnread(
        in queue: Queue,
        _ stream: Measurement.Stream,
        nowMs: Int64,
        _ token: Supervision.Token
    ) async throws(RedisError) {
        let lateMs = nowMs - OverdueStep.Limits.unreadMs
        var sweep = sweeps[queue] ?? HeadSweep()
        let start = sweep.start(
            lastDelivered: stream.lastDelivered,
            oldestWaiting: stream.oldestWaiting,
            latestMs: lateMs - ContractLimits.deadlineRange.lowerBound
        )
        sweeps[queue] = sweep
        guard let start else { return }
        // What was added since cannot be late, so there is nothing behind it to look at.
        let end = EntryID(milliseconds: UInt64(clamping: lateMs), sequence: .max)
        let page = try await supervision.peek(in: queue, after: start, upTo: end)
        var late: [UnreadEntry.Reading] = []
        let seen = page.map { raw -> (id: EntryID, outcome: HeadSweep.Outcome) in
            // An entry that names no request is its reader's to bury.
            guard let reading = unread.read(raw, nowMs: nowMs) else { return (raw.id, .settled) }
            guard reading.deadlineMs < lateMs else { return (raw.id, .waiting) }
            late.append(reading)
            return (raw.id, .settled)
        }
        try await forEach(late) { (reading) throws(RedisError) in
            try await self.expire(reading, token)
        }
        guard leads(token) else { return }
        let isWhole =
            page.count < Supervision.Limits.pageMax
            && page.reduce(0) { $0 + $1.byteCount } < Supervision.Limits.pageBytesMax
        sweep.saw(seen, isLast: isWhole)
        sweeps[queue] = sweep
    }

    private func expire(
        _ reading: UnreadEntry.Reading,
        _ token: Supervision.Token
    ) async throws(RedisError) {
        switch try await supervision.expire(reading.identity, reading.answer, token) {
        case .ended:
            reached(.expired)
            metrics.work.expired.increment()
            log.info(
                "a request that nobody had read was answered",
                metadata: [
                    "request_id": "\(reading.identity.requestID)",
                    "code": "\(reading.answer.code)",
                ]
            )
        case .already, .moved: break
        case .fenced: fenced(token)
        }
    }
}
