import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// Batches whose members have not all come in time are completed without those.
extension PartitionSupervisor {
    enum BatchLimits {
        /// Past a batch's deadline, by when what nobody read of it has been answered.
        static let marginMs: Int64 = 10_000
        /// Past its deadline, by when whatever came at the last moment has ended: the longest deadline
        /// of a member, and time to end it in its worker's place.
        static let patienceMs = ContractLimits.deadlineRange.upperBound + 120_000
    }

    func closeBatches(_ token: Supervision.Token, nowMs: Int64) async throws(RedisError) {
        let due = try await supervision.dueBatches(before: nowMs - BatchLimits.marginMs)
        for batch in due {
            guard leads(token) else { return }
            switch try await supervision.close(
                batch,
                patienceMs: BatchLimits.patienceMs,
                token
            ) {
            case .closed(let missing):
                metrics.work.batchesClosed.increment()
                log.notice(
                    "a batch's members had not all come in time",
                    metadata: ["batch_id": "\(batch.id)", "missing": "\(missing)"]
                )
            case .nothing: break
            case .fenced: fenced(token)
            }
        }
    }
}
