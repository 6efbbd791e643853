// Pipeline: the order in which one entry becomes one answer.
// Belongs here: the stages, as plain functions over values, and the ports by which they ask the
// world. Does not: names of products, wire formats, configuration, or when to read the next entry.

internal import Contract

/// One stream entry passes these stages, in this order.
///
/// This is the only file that knows the order. Each stage is a type in the folder of the same name;
/// what it returns is a value that only it can make. Success, refusal and failure all leave by one
/// door, `settlement`.
package struct Pipeline: Sendable {
    private let intake: Intake
    private let screening: Screening
    private let admission: Admission
    private let enrichment: Enrichment
    private let proposing: Proposing
    private let expansion: Expansion
    private let generation: Generation
    private let validation: Validation
    private let fallback: Fallback
    private let settlement: Settlement
    private let clock: any StoreClock
    private let watch: any Watch

    package init(
        intake: Intake,
        screening: Screening,
        admission: Admission,
        enrichment: Enrichment,
        proposing: Proposing,
        expansion: Expansion,
        generation: Generation,
        validation: Validation,
        fallback: Fallback,
        settlement: Settlement,
        clock: any StoreClock,
        watch: any Watch
    ) {
        self.intake = intake
        self.screening = screening
        self.admission = admission
        self.enrichment = enrichment
        self.proposing = proposing
        self.expansion = expansion
        self.generation = generation
        self.validation = validation
        self.fallback = fallback
        self.settlement = settlement
        self.clock = clock
        self.watch = watch
    }

    /// Answers one entry, or buries it when it names nobody who could be answered.
    ///
    /// - Returns: When the store has said that the answer stands: then, and not before, the duty
    ///   that the lease is has been done.
    /// - Throws: When the task was cancelled before that; the entry stays pending.
    package func run(_ lease: consuming Lease) async throws(CancellationError) -> Receipt {
        watch.reached(.read)
        switch watch.timed(.decode, { intake.accept(lease.entry) }) {
        case .nameless(let reason):
            return try await settlement.bury(lease, reason: reason)
        case .ended(let address, let identity, let ending):
            return try await finish(ending, address, identity, .none, lease)
        case .accepted(let accepted):
            watch.started(accepted)
            watch.reached(.decoded)
            return try await run(accepted, lease)
        case .batch(let batch):
            watch.reached(.decoded)
            return try await run(batch, lease)
        }
    }

    /// A batch's envelope: its members become entries of their own, each of which comes this way.
    private func run(
        _ batch: AcceptedBatch,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        let verdict: Expansion.Verdict
        do throws(CancellationError) {
            verdict = try await expansion.run(batch)
        } catch {
            return try await settlement.release(lease, of: batch.identity)
        }
        switch verdict {
        case .expanded:
            watch.expanded(batch)
            return .expanded
        case .dropped(.expired(let code, let cost)):
            return try await settlement.remind(lease, batch.address, endedAs: code, cost)
        case .dropped(let receipt): return receipt
        case .ended(let ending):
            return try await finish(ending, batch.address, batch.identity, .none, lease)
        case .conflict:
            return try await settlement.bury(lease, asConflictAt: batch.address)
        }
    }

    private func run(
        _ accepted: Accepted,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        switch try await screening.screen(accepted) {
        case .passed(let screened): return try await run(screened, lease)
        case .refused(let rejection, let hit):
            watch.restricted(accepted, hit)
            return try await finish(
                .rejected(rejection),
                accepted.address,
                accepted.identity,
                .none,
                lease
            )
        }
    }

    private func run(
        _ screened: Screened,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        let accepted = screened.accepted
        let call = generation.prepare(accepted)
        let verdict: Admission.Verdict
        do throws(CancellationError) {
            let start = watch.begin()
            verdict = try await admission.admit(accepted, for: call)
            watch.end(.admit, since: start)
        } catch {
            return try await settlement.release(lease, of: accepted.identity)
        }
        switch verdict {
        case .admitted(let admitted): return try await run(admitted, screened, lease)
        case .cancelled(let cancellation):
            return try await finish(
                .cancelled(cancellation),
                accepted.address,
                accepted.identity,
                .none,
                lease
            )
        case .refused(let rejection):
            return try await finish(
                .rejected(rejection),
                accepted.address,
                accepted.identity,
                .none,
                lease
            )
        case .turnedAway(let registered, let rejection):
            return try await finish(
                .rejected(rejection),
                registered.address,
                accepted.identity,
                .uncalled(registered),
                lease
            )
        case .withoutTurn(let registered, let reason):
            let answer = answer(propose(registered, screened), because: reason, after: nil)
            return try await finish(
                answer,
                registered.address,
                accepted.identity,
                .answeredUncalled(registered),
                lease
            )
        case .dropped(.expired(let code, let cost)):
            return try await settlement.remind(lease, accepted.address, endedAs: code, cost)
        case .dropped(let receipt): return receipt
        case .conflict:
            return try await settlement.bury(lease, asConflictAt: accepted.address)
        }
    }

    private func run(
        _ admitted: Admitted,
        _ screened: Screened,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        await settlement.announce(.accepted, of: admitted)
        let proposed = propose(admitted.registered, screened)
        let asked = watch.begin()
        let draft = await generation.ask(admitted)
        watch.end(.ask, since: asked)
        watch.reached(.answered)
        let ending = judge(draft, for: admitted, in: proposed)
        watch.reached(.judged)
        return try await finish(
            ending,
            admitted.address,
            admitted.accepted.identity,
            .called(admitted, draft),
            lease
        )
    }

    private func propose(_ registered: Registered, _ screened: Screened) -> Proposed {
        let world = watch.timed(.enrich) { enrichment.enrich(registered, screened) }
        return watch.timed(.propose) { proposing.propose(world, nowMs: clock.nowMs()) }
    }

    private func judge(_ draft: Draft, for admitted: Admitted, in proposed: Proposed) -> Ending {
        let verdict = watch.timed(.judge) { validation.judge(draft, for: admitted, in: proposed) }
        switch verdict {
        case .passed(let answer): return .result(answer)
        case .abandoned: return .abandoned
        case .failed(let reason):
            let call = Call(draft, reserved: admitted.reserved)
            return answer(proposed, because: reason, after: call)
        }
    }

    private func answer(
        _ proposed: Proposed,
        because reason: Degradation,
        after call: Call?
    ) -> Ending {
        .result(
            watch.timed(.fallback) {
                fallback.answer(proposed, because: reason, after: call)
            }
        )
    }

    private func finish(
        _ ending: Ending,
        _ address: Address,
        _ identity: Identity,
        _ books: Books,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        let start = watch.begin()
        let receipt = try await settlement.settle(ending, to: address, identity, books, lease)
        watch.end(.settle, since: start)
        watch.ended(address, ending, receipt)
        watch.reached(.settled)
        return receipt
    }
}

/// The stages that are timed.
package enum Stage: String, CaseIterable, Sendable {
    case decode
    case admit
    case enrich
    case propose
    case ask
    case judge
    case fallback
    case settle
}
