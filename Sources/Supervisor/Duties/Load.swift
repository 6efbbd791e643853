import Contract
import Gateways
import Logging
import Policy
import Redis
import Telemetry

/// Orchestrators are told how much waits, and entries are turned away that would wait in vain.
extension PartitionSupervisor {
    func tellLoad(
        _ token: Supervision.Token,
        _ books: Measurement,
        workers: [String]
    ) async throws(RedisError) {
        guard leads(token) else { return }
        let memory = try await supervision.memory()
        watermark.saw(bytesUsed: memory.bytesUsed, of: memory.bytesMax)
        let isHeldUp = pause != nil || watermark.isFull || outboxIsFull
        estimate.saw(books, slots: try await supervision.slots(of: workers), isHeldUp: isHeldUp)
        let wait = estimate.waitMs(in: .low)
        if isHeldUp {
            estimateCheck.reset()
        } else if let ratio = estimateCheck.saw(estimate, waitMs: wait, nowMs: books.nowMs) {
            metrics.load.estimateRatio.record(ratio: ratio)
            log.debug(
                "a wait is over that was estimated",
                metadata: ["estimated_by_real": "\(ratio)"]
            )
        }
        let backlogs = books.streams.values.map { Backlog($0, nowMs: books.nowMs) }
        let waiting = backlogs.reduce(0) { $0 + $1.waiting }
        let load = Supervision.Load(
            waiting: waiting,
            oldestMs: backlogs.map(\.oldestAgeMs).max() ?? 0,
            estimatedWaitMs: wait ?? LoadEstimate.Limits.waitMaxMs,
            isAccepting: !isHeldUp && waiting <= terms.load.waitingMax
                && (wait ?? .max) <= terms.load.longestWaitMs,
            outboxIsFull: outboxIsFull
        )
        overview.load(supervision.keys.partition, load, memoryIsShort: watermark.isFull)
        guard try await supervision.tell(load, token) else { return fenced(token) }
        try await turnAway(token, books, waiting: waiting)
    }

    private func turnAway(
        _ token: Supervision.Token,
        _ books: Measurement,
        waiting: Int
    ) async throws(RedisError) {
        let reason = overload.reason(
            memoryIsShort: watermark.isFull,
            outboxIsFull: outboxIsFull,
            waiting: waiting,
            of: terms.load.waitingMax,
            nowMs: books.nowMs
        )
        // While nothing starts, nobody knows how long it will be; deadlines run on all the same.
        let mayJudge = pause == nil && !watermark.isFull && !outboxIsFull && estimate.isMeasured
        for queue in [Queue.high, .normal, .low] {
            guard leads(token), let stream = books.streams[queue] else { continue }
            let isLong = (estimate.waitMs(in: queue) ?? 0) > Overload.Limits.waitLeastMs
            guard stream.length > stream.pending, reason != nil || (mayJudge && isLong) else {
                overload.forget(queue)
                continue
            }
            try await turnAway(in: queue, stream, books, reason, token)
        }
    }

    private func turnAway(
        in queue: Queue,
        _ stream: Measurement.Stream,
        _ books: Measurement,
        _ reason: (reason: LoadMetrics.Overload, addedAfterMs: Int64)?,
        _ token: Supervision.Token
    ) async throws(RedisError) {
        let deleted = books.counters["overloaded:\(queue.rawValue)", default: 0]
        let waiting = max(stream.length - stream.pending, 0)
        let delivered = stream.added - waiting - deleted
        let end = EntryID(
            milliseconds: UInt64(clamping: books.nowMs - Overload.Limits.ageLeastMs),
            sequence: .max
        )
        var (looked, refused) = (0, 0)
        let refusedMax = reason?.reason == .memory ? Overload.Limits.refusedForMemoryMax : Int.max
        while looked < Overload.Limits.lookedAtMax, refused < refusedMax, leads(token) {
            let start = overload.start(
                in: queue,
                stream,
                delivered: delivered,
                addedAfterMs: reason?.addedAfterMs
            )
            let page = try await supervision.peek(in: queue, after: start, upTo: end)
            guard !page.isEmpty else { return }
            looked += page.count
            for raw in page where refused < refusedMax {
                let position = overload.position(in: queue, delivered: delivered)
                let wait = estimate.waitMs(in: queue, behind: position) ?? 0
                let isRefused = try await judge(raw, wait, reason?.reason, books, token)
                overload.passed(raw.id, in: queue, stays: !isRefused)
                if isRefused { refused += 1 }
            }
        }
    }

    /// - Returns: Whether it was turned away.
    private func judge(
        _ raw: RawEntry,
        _ waitMs: Int64,
        _ reason: LoadMetrics.Overload?,
        _ books: Measurement,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        guard let reading = unread.read(raw, nowMs: books.nowMs) else { return false }
        let left = reading.deadlineMs - books.nowMs
        // What is past its deadline is told so.
        guard reading.isInOrder, left > 0, let why = reason ?? (waitMs > left ? .deadline : nil)
        else { return false }
        let answer = reading.refusal(why, retryAfterMs: retryAfterMs(why, waitMs, left, books))
        switch try await supervision.expire(
            reading.identity,
            answer,
            deleting: (raw.queue, raw.id),
            token
        ) {
        case .ended:
            metrics.load.overloaded.increment(why)
            log.info(
                "a request was turned away",
                metadata: [
                    "request_id": "\(reading.identity.requestID)", "why": "\(why.rawValue)",
                ]
            )
            return true
        case .already, .moved: return false
        case .fenced:
            fenced(token)
            return false
        }
    }

    /// When there may be room.
    private func retryAfterMs(
        _ reason: LoadMetrics.Overload,
        _ waitMs: Int64,
        _ leftMs: Int64,
        _ books: Measurement
    ) -> Int64 {
        switch reason {
        case .memory, .outbox: return Overload.Limits.retryForMemoryMs
        // By then so much has gone that it would be in time.
        case .deadline: return max(waitMs - leftMs, 1_000)
        case .waiting:
            let excess = Double(estimate.ahead - terms.load.waitingMax)
            guard let perSecond = estimate.perSecond else { return 60_000 }
            return min(max(Int64(excess * 1_000 / perSecond), 1_000), LoadEstimate.Limits.waitMaxMs)
        }
    }
}
