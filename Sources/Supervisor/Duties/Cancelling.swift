import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// Requests and batches that somebody takes back: each order is acknowledged when all of it is done, so
/// that whoever leads next does the rest.
extension PartitionSupervisor {
    /// Carries out a page of orders.
    ///
    /// - Returns: False when some must be looked at again.
    func carryOut(
        _ entries: [Supervision.OrderEntry],
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        var (done, requests, isWhole): ([EntryID], [CancelStep], Bool) = ([], [], true)
        for entry in entries {
            switch entry.order?.target {
            case .request(let id):
                requests.append(CancelStep(entry.id, id, entry.order?.cancellation))
            case .batch(let id):
                guard try await takeBack(id, entry.order?.cancellation, token) else {
                    isWhole = false
                    continue
                }
                done.append(entry.id)
            case nil:
                metrics.work.cancelOrders.increment(.malformed)
                log.warning(
                    "an order to cancel names neither one request nor one batch",
                    metadata: ["entry": "\(entry.id)"]
                )
                done.append(entry.id)
            }
        }
        let outcomes = try await takeBack(requests, token)
        for (step, isDone) in zip(requests, outcomes) where isDone { done.append(step.entry) }
        // Whoever has lost the lease leaves its orders to who has it now.
        guard leads(token) else { return true }
        try await supervision.finish(done)
        return isWhole && outcomes.allSatisfy { $0 }
    }

    /// Side by side, so that one round trip serves a whole page.
    ///
    /// - Returns: For each whether it is done with.
    private func takeBack(
        _ steps: [CancelStep],
        _ token: Supervision.Token
    ) async throws(RedisError) -> [Bool] {
        let records = try await supervision.records(of: steps.map(\.request))
        let known = Array(zip(steps, records))
        return try await each(known) { (known) throws(RedisError) in
            let (step, record) = known
            return try await self.takeBack(step.request, record, step.cancellation, token)
        }
    }

    private func takeBack(
        _ id: RequestID,
        _ record: Supervision.Record?,
        _ cancellation: Cancellation,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        switch try await supervision.cancel(id, record, cancellation, token) {
        case .cancelled(let charge):
            reached(.cancelled)
            metrics.work.cancelOrders.increment(.cancelled)
            log.info("a request was taken back", metadata: ["request_id": "\(id)"])
            try await settle(charge)
            return true
        case .remembered:
            metrics.work.cancelOrders.increment(.remembered)
            return true
        case .ended:
            metrics.work.cancelOrders.increment(.ended)
            return true
        case .batch(let batch): return try await takeBack(batch, cancellation, token)
        case .moved: return false
        case .fenced:
            fenced(token)
            return false
        }
    }

    /// Takes a whole batch back: first whatever is not in the books yet, then page by page what is.
    private func takeBack(
        _ batch: BatchID,
        _ cancellation: Cancellation?,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Bool {
        guard let cancellation else { return true }
        var seen: Set<RequestID> = []
        while leads(token) {
            guard let members = try await supervision.cancel(batch, cancellation, token) else {
                fenced(token)
                return false
            }
            // What is told again and has no record is between two of its worker's steps: it ends by
            // the mark.
            if members.allSatisfy(seen.contains) { return true }
            seen.formUnion(members)
            let records = try await supervision.records(of: members)
            let outcomes = try await each(Array(zip(members, records))) {
                (known) throws(RedisError) in
                guard let record = known.1 else { return true }
                return try await self.takeBack(known.0, record, cancellation, token)
            }
            guard outcomes.allSatisfy({ $0 }) else { return false }
            reached(.batchCancelled)
        }
        return false
    }
}

/// One request that an order names.
struct CancelStep: Sendable {
    let entry: EntryID
    let request: RequestID
    let cancellation: Cancellation

    init(_ entry: EntryID, _ request: RequestID, _ cancellation: Cancellation?) {
        self.entry = entry
        self.request = request
        self.cancellation = cancellation ?? Cancellation(by: nil)
    }
}
