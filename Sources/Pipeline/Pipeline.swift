// Pipeline: the order in which one entry becomes one answer.
// Belongs here: the stages, as plain functions over values, and the ports by which they ask the
// world. Does not: names of products, wire formats, configuration, or when to read the next entry.

internal import Contract
internal import Options
internal import Policy

/// One stream entry passes these stages, in this order.
///
/// This is the only file that knows the order. Each stage is a type in the folder of the same name;
/// what it returns is a value that only it can make. Success, refusal and failure all leave by one
/// door, `settlement`.
///
/// A class, as its stages are: by value each would stand in the frame of every call that waits,
/// kilobytes a request in flight.
package final class Pipeline: Sendable {
    private let intake: Intake
    private let authorizing: Authorizing
    private let screening: Screening
    private let admission: Admission
    let sharing: Sharing?
    private let enrichment: Enrichment
    private let proposing: Proposing
    private let expansion: Expansion
    private let reporting: Reporting
    let generation: Generation
    let validation: Validation
    private let fallback: Fallback
    let settlement: Settlement
    private let clock: any StoreClock
    let watch: any Watch

    /// - Parameter sharing: Nil where each request asks for itself.
    package init(
        intake: Intake,
        authorizing: Authorizing = Authorizing(),
        screening: Screening,
        admission: Admission,
        sharing: Sharing? = nil,
        enrichment: Enrichment,
        proposing: Proposing,
        expansion: Expansion,
        reporting: Reporting = Reporting(),
        generation: Generation,
        validation: Validation,
        fallback: Fallback,
        settlement: Settlement,
        clock: any StoreClock,
        watch: any Watch
    ) {
        self.intake = intake
        self.authorizing = authorizing
        self.screening = screening
        self.admission = admission
        self.sharing = sharing
        self.enrichment = enrichment
        self.proposing = proposing
        self.expansion = expansion
        self.reporting = reporting
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
        let exit: Exit
        switch accept(lease.entry) {
        case .left(let found): exit = found
        case .batch(let batch):
            switch try await authorizing.check(batch) {
            case .permitted(let permitted): exit = try await expand(permitted)
            case .refused(let rejection):
                exit = Exit(refusing: batch.address, batch.identity.ofNobody, rejection)
            }
        case .usage(let asked): exit = try await report(asked)
        case .accepted(let accepted):
            switch try await arrive(accepted) {
            case .left(let found): exit = found
            case .admitted(let admitted, let screened, let flight):
                exit = await answer(admitted, screened, flight)
            }
        }
        return try await leave(exit, lease)
    }

    private enum Accepting {
        case accepted(Accepted)
        case batch(AcceptedBatch)
        case usage(AcceptedUsage)
        case left(Exit)
    }

    private func accept(_ entry: RawEntry) -> Accepting {
        switch watch.timed(.decode, { intake.accept(entry) }) {
        case .nameless(let reason): return .left(Exit(.buried(reason: reason)))
        case .ended(let address, let identity, let ending):
            return .left(Exit(.finished(ending, address, identity, .none, .none)))
        case .accepted(let accepted):
            watch.started(accepted)
            watch.reached(.decoded)
            return .accepted(accepted)
        case .batch(let batch):
            watch.reached(.decoded)
            return .batch(batch)
        case .usage(let asked):
            watch.reached(.decoded)
            return .usage(asked)
        }
    }

    /// A batch's envelope: its members become entries of their own, each of which comes this way.
    private func expand(_ batch: AcceptedBatch) async throws(CancellationError) -> Exit {
        let verdict: Expansion.Verdict
        do throws(CancellationError) {
            verdict = try await expansion.run(batch)
        } catch {
            return Exit(.released(batch.identity))
        }
        switch verdict {
        case .expanded:
            watch.expanded(batch)
            return Exit(.done(.expanded))
        case .dropped(.expired(let code, let cost)):
            return Exit(.reminded(batch.address, code: code, cost: cost))
        case .dropped(let receipt): return Exit(.done(receipt))
        case .ended(let ending):
            return Exit(.finished(ending, batch.address, batch.identity, .none, .none))
        case .conflict: return Exit(.conflict(batch.address))
        }
    }

    /// A question for usage: it is in no book, and asks nothing of a model.
    private func report(_ arrived: AcceptedUsage) async throws(CancellationError) -> Exit {
        let address = arrived.address
        switch try await authorizing.check(arrived) {
        case .refused(let rejection):
            return Exit(refusing: address, arrived.identity.ofNobody, rejection)
        case .permitted(let asked):
            do throws(CancellationError) {
                let start = watch.begin()
                let ending = try await reporting.answer(asked)
                watch.end(.report, since: start)
                return Exit(.finished(ending, address, asked.identity, .none, .none))
            } catch {
                return Exit(.released(asked.identity))
            }
        }
    }

    private enum Look {
        case passed(Screened)
        indirect case refused(Rejection, Grounds)
    }

    /// What the user typed is looked at, and what the house offers to nobody.
    private func screen(_ accepted: Accepted) async throws(CancellationError) -> Look {
        let start = watch.begin()
        let verdict = try await screening.screen(accepted)
        watch.end(.screen, since: start)
        switch verdict {
        case .passed(let screened):
            if let verdict = screened.verdict { watch.screened(accepted, verdict) }
            return .passed(screened)
        case .blocked(let rejection, let verdict):
            watch.screened(accepted, verdict)
            return .refused(rejection, Grounds(accepted, screening: verdict))
        case .restricted(let rejection, let hit, let screening):
            watch.restricted(accepted, hit)
            let list = RestrictedList(of: hit)
            return .refused(
                rejection,
                Grounds(accepted, screening: screening, restricted: list)
            )
        }
    }

    private enum Arrival {
        case admitted(Admitted, Screened, Flight?)
        case left(Exit)
    }

    /// Until it may call the model, or is known not to.
    private func arrive(_ arrived: Accepted) async throws(CancellationError) -> Arrival {
        let accepted: Accepted
        switch try await authorizing.check(arrived) {
        case .permitted(let permitted): accepted = permitted
        case .refused(let rejection):
            let nobody = arrived.identity.ofNobody
            return .left(Exit(refusing: arrived.address, nobody, rejection))
        }
        let screened: Screened
        switch try await screen(accepted) {
        case .passed(let found): screened = found
        case .refused(let rejection, let grounds):
            return .left(Exit(refusing: accepted, rejection, grounds))
        }
        let start = watch.begin()
        defer { watch.end(.admit, since: start) }
        let quote = generation.outline(accepted)
        do throws(CancellationError) {
            let verdict = try await admission.register(
                accepted,
                for: quote,
                isBarred: proposing.bars(accepted.request, nowMs: accepted.times.nowMs)
            )
            guard case .registered(let registered) = verdict else {
                return .left(wayOut(verdict, of: accepted, screened))
            }
            return try await takeTurn(registered, screened, quote)
        } catch {
            return .left(Exit(.released(accepted.identity)))
        }
    }

    /// Until the fleet lets it call, or somebody who asked the same has been answered.
    private func takeTurn(
        _ registered: Registered,
        _ screened: Screened,
        _ quote: Quote
    ) async throws(CancellationError) -> Arrival {
        let flight = flight(of: registered, screened)
        var present = registered
        while true {
            let verdict: Admission.Verdict
            do throws(CancellationError) {
                verdict = try await admission.reserve(present, quote, flight)
            } catch {
                flight?.leave()
                throw error
            }
            switch verdict {
            case .admitted(let admitted): return .admitted(admitted, screened, flight)
            case .shared(let registered, let shared):
                if let flight, let exit = await serve(shared, to: registered, screened, flight) {
                    return .left(exit)
                }
                flight?.turnDown()
                present = registered
            default:
                flight?.leave()
                return .left(wayOut(verdict, of: registered.accepted, screened))
            }
        }
    }

    /// Of a request that calls no model.
    private func wayOut(
        _ verdict: Admission.Verdict,
        of accepted: Accepted,
        _ screened: Screened
    ) -> Exit {
        let (address, identity) = (accepted.address, accepted.identity)
        switch verdict {
        case .cancelled(let cancellation):
            return Exit(
                .finished(.cancelled(cancellation), address, identity, .none, Grounds(screened))
            )
        case .refused(let rejection):
            return Exit(refusing: accepted, rejection, Grounds(screened))
        case .turnedAway(let registered, let rejection):
            return Exit(
                .finished(
                    .rejected(rejection),
                    registered.address,
                    identity,
                    .uncalled(registered),
                    Grounds(screened)
                )
            )
        case .withoutTurn(let registered, let reason):
            let proposed = propose(registered, screened)
            return Exit(
                .finished(
                    answer(proposed, because: reason, after: []),
                    registered.address,
                    identity,
                    .answeredUncalled(registered),
                    Grounds(screened, proposed)
                )
            )
        case .dropped(.expired(let code, let cost)):
            return Exit(.reminded(address, code: code, cost: cost))
        case .dropped(let receipt): return Exit(.done(receipt))
        case .admitted, .registered, .shared, .conflict: return Exit(.conflict(address))
        }
    }

    private func answer(
        _ admitted: Admitted,
        _ screened: Screened,
        _ flight: Flight?
    ) async -> Exit {
        let isNew = flight?.hasAnnounced != true
        if isNew { await settlement.announce(.accepted, of: admitted.registered) }
        let proposed = flight?.proposed ?? propose(admitted.registered, screened)
        guard proposed.hasChoice else {
            flight?.leave()
            return Exit(
                .finished(
                    answer(proposed, because: .nothingToChoose, after: []),
                    admitted.address,
                    admitted.accepted.identity,
                    .answeredUncalled(admitted.registered),
                    Grounds(screened, proposed)
                )
            )
        }
        if isNew { await announceFirst(of: admitted.registered, proposed) }
        let asked = watch.begin()
        let draft = await generation.ask(
            admitted,
            proposed,
            validation,
            onProgress: listener(of: admitted.registered)
        )
        watch.end(.ask, since: asked)
        await flight?.land(draft)
        return wayOut(draft, for: admitted, in: proposed, Grounds(screened, proposed), flight)
    }

    /// A strategy of the service's own, for who asked for all events.
    func announceFirst(of registered: Registered, _ proposed: Proposed) async {
        guard registered.accepted.entry.wantsAllEvents else { return }
        let first = watch.timed(.fallback) {
            fallback.answer(proposed, because: nil, after: [])
        }
        await settlement.announce(.provisional(first), of: registered)
    }

    /// Passes on how a model's answer comes, to who asked for all events.
    private func listener(of registered: Registered) -> ProgressListener? {
        guard registered.accepted.entry.wantsAllEvents else { return nil }
        let settlement = settlement
        return { await settlement.announce(.asking(tokens: $0), of: registered) }
    }

    /// Of a request whose model was asked.
    private func wayOut(
        _ draft: Draft,
        for admitted: Admitted,
        in proposed: Proposed,
        _ grounds: Grounds,
        _ flight: Flight?
    ) -> Exit {
        let ending = ending(draft, of: proposed, flight)
        watch.reached(.judged)
        return Exit(
            .finished(
                ending,
                admitted.address,
                admitted.accepted.identity,
                .called(admitted, draft),
                grounds
            )
        )
    }

    private func ending(_ draft: Draft, of proposed: Proposed, _ flight: Flight?) -> Ending {
        let reason: Degradation
        switch draft.verdict {
        case .passed(let answer): return .result(answer)
        case .abandoned: return .abandoned
        case .failed(let found): reason = found
        case .defective: reason = .invalidOutput
        }
        if let flight, let old = flight.old,
            case .passed(let answer) = validation.judge(old, draft.calls, reason, in: proposed)
        {
            flight.servedOld()
            return .result(answer)
        }
        return answer(proposed, because: reason, after: draft.calls)
    }

    func propose(_ registered: Registered, _ screened: Screened) -> Proposed {
        let world = watch.timed(.enrich) { enrichment.enrich(registered, screened) }
        return watch.timed(.propose) { proposing.propose(world, nowMs: clock.nowMs()) }
    }

    private func answer(
        _ proposed: Proposed,
        because reason: Degradation?,
        after calls: [CallRecord]
    ) -> Ending {
        .result(
            watch.timed(.fallback) {
                fallback.answer(proposed, because: reason, after: calls)
            }
        )
    }

    private func leave(
        _ exit: Exit,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        switch exit.way {
        case .finished(let ending, let address, let identity, let books, let grounds):
            let start = watch.begin()
            let receipt = try await settlement.settle(
                ending,
                to: address,
                identity,
                books,
                grounds,
                lease
            )
            watch.end(.settle, since: start)
            watch.ended(address, ending, receipt)
            watch.reached(.settled)
            return receipt
        case .reminded(let address, let code, let cost):
            return try await settlement.remind(lease, address, endedAs: code, cost)
        case .buried(let reason): return try await settlement.bury(lease, reason: reason)
        case .conflict(let address):
            return try await settlement.bury(lease, asConflictAt: address)
        case .released(let identity):
            return try await settlement.release(lease, of: identity)
        case .done(let receipt): return receipt
        }
    }
}
