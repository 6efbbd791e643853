package import Authorization
import Contract
package import EventLoop
import Gateways
import Logging
package import Redis
import Telemetry

/// How the tokens of entries are verified, where they are asked for.
package struct TokenCheck: Sendable {
    let authority: TokenAuthority
    /// By this an entry's time is read, as a worker reads it.
    let clock: RedisClock

    /// - Parameters:
    ///   - connection: Any one; the key of seals is read over it once.
    ///   - nowMs: The machine's own time, until Redis' is known.
    package init(
        _ verifier: TokenVerifier,
        over connection: RedisConnection,
        on loop: EventLoop,
        prefix: String,
        nowMs: Int64
    ) {
        clock = RedisClock(systemMs: nowMs)
        authority = TokenAuthority(
            verifier: verifier,
            keeper: SealKeeper(
                connection: connection,
                on: loop,
                keys: GlobalKeys(prefix: prefix)
            ),
            clock: clock
        )
    }
}

/// What an entry goes on with in its token's place when its worker died before the claims were in the
/// books.
extension PartitionSupervisor {
    enum Claims {
        /// Empty where the record has them, or nothing was claimed: its next worker says what is wrong.
        case goOn(seal: String)
        /// They prove nothing, and the request has been told so.
        case refused
        /// It is somebody else's, or must be looked at again.
        case left
    }

    func claims(
        of entry: Supervision.HeldEntry,
        _ record: Supervision.Record?,
        because reason: SupervisorMetrics.Reason,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Claims {
        // Only its record knows whose an overdue one is, and there its claims are.
        guard let tokens, reason == .dead, record?.isSealed != true else { return .goOn(seal: "") }
        // A dead worker held no more than MAX_IN_FLIGHT_BYTES, and so does a page of its entries.
        guard let raw = try await supervision.peek(at: entry.id, in: entry.queue),
            let reading = unread.read(raw, nowMs: tokens.clock.nowMs()), reading.isInOrder,
            reading.credentials.authorization != nil
        else { return .goOn(seal: "") }
        let judgement: TokenAuthority.Judgement
        do throws(CancellationError) {
            judgement = try await tokens.authority.judge(
                reading.credentials,
                for: reading.claim,
                atMs: reading.addedMs
            )
        } catch {
            throw .cancelled
        }
        switch judgement {
        case .proved(_, let seal): return .goOn(seal: seal)
        case .refused(let rejection): return try await refuse(entry, reading, rejection, token)
        }
    }

    /// As a worker would have: of nobody in particular, for who was not permitted speaks for no user.
    private func refuse(
        _ entry: Supervision.HeldEntry,
        _ reading: UnreadEntry.Reading,
        _ rejection: Rejection,
        _ token: Supervision.Token
    ) async throws(RedisError) -> Claims {
        switch try await supervision.expire(
            reading.identity.ofNobody,
            reading.refusal(rejection),
            deleting: (entry.queue, entry.id),
            of: entry.owner,
            token
        ) {
        case .ended:
            reached(.expired)
            metrics.work.refused.increment()
            log.info(
                "a dead worker's request was refused",
                metadata: [
                    "request_id": "\(reading.identity.requestID)",
                    "code": "\(rejection.code.rawValue)",
                ]
            )
            return .refused
        // It is in the books by another entry: this one adds nothing.
        case .already: return .goOn(seal: "")
        case .moved: return .left
        case .fenced:
            fenced(token)
            return .left
        }
    }
}
