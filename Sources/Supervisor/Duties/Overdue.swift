import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// What is long past its deadline ends, whoever has it, and the caller is told.
extension PartitionSupervisor {
    func endOverdue(_ token: Supervision.Token, nowMs: Int64) async throws(RedisError) {
        let due = try await supervision.due(
            before: nowMs - OverdueStep.Limits.unreadMs,
            offset: overdueSkipped
        )
        let records = try await supervision.records(of: due.map(\.requestID))
        var left = 0
        for (due, record) in zip(due, records) {
            guard leads(token) else { return }
            if try await !end(due, record, OverdueStep(due, record, nowMs: nowMs), token) {
                left += 1
            }
        }
        // Those that must wait stay at the head: the next round looks behind them, the one after the
        // last page at the head again.
        overdueSkipped = due.count < Supervision.Limits.pageMax ? 0 : overdueSkipped + left
    }

    /// - Returns: False when it is among those that have not ended still.
    private func end(
        _ due: Supervision.Due,
        _ record: Supervision.Record?,
        _ step: OverdueStep,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        switch step {
        case .leave: return false
        case .takeBack(let entry):
            if try await takeBack(entry, record, because: .overdue, token) { return false }
            guard leads(token) else { return false }
            // Its worker does not have it: it may be that nobody has.
            return try await abandon(due.requestID, record, OverdueStep.nobody, token)
        case .abandon(let failure):
            return try await abandon(due.requestID, record, failure, token)
        }
    }

    private func abandon(
        _ id: RequestID,
        _ record: Supervision.Record?,
        _ failure: Failure,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        switch try await supervision.abandon(id, record, failure, token) {
        case .ended(let charge):
            reached(.abandoned)
            metrics.work.abandoned.increment()
            log.warning(
                "a request that nobody ran was ended",
                metadata: ["request_id": "\(id)", "code": "\(failure.code.rawValue)"]
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
}
