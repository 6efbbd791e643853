import Contract
import Gateways
import Logging
import Redis
import Telemetry

/// Claims on the fleet's hour that nobody settled, because whoever had to died on the way.
extension PartitionSupervisor {
    func sweepReservations(
        _ token: Supervision.Token,
        nowMs: Int64
    ) async throws(RedisError) {
        let page = try await reservations.page(from: reservationCursor)
        reservationCursor = page.next
        let late = page.reservations.compactMap { reservation in
            reservation.deadlineMs + ReservationName.Limits.marginMs < nowMs
                ? ReservationName(reservation.name).map { (reservation, $0) } : nil
        }
        let records = try await reservations.records(
            of: late.map { ($0.1.partition, $0.1.requestID) }
        )
        for ((reservation, name), record) in zip(late, records) {
            guard leads(token) else { return }
            guard let cost = name.settlement(of: reservation.amount, record) else { continue }
            reached(.swept)
            guard try await reservations.settle(reservation.name, at: cost) else { continue }
            metrics.work.reservationsSwept.increment()
            log.warning(
                "a reservation was settled long after its deadline",
                metadata: ["request_id": "\(name.requestID)", "attempt": "\(name.attempt)"]
            )
        }
    }
}
