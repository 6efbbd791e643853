internal import Contract
internal import Policy

/// One request's way up the ladder: it makes the calls that `Ladder` names, each within what is set
/// aside for it, and keeps the books of them. One task's own.
final class Climb {
    private let stage: Generation
    private let admitted: Admitted
    private let proposed: Proposed
    private let validation: Validation
    /// Written down anew for each call, so that nobody holds it while an answer is waited for.
    private let question: Question
    private let version: String
    private let onProgress: ProgressListener?

    private var ladder: Ladder
    private(set) var calls: [CallRecord] = []
    /// What a model said last, for the audit trail.
    private(set) var said: [UInt8]?
    /// Calls whose claim on the fleet's hour is settled already: the first of `calls`.
    private var settledCount = 0
    /// Set aside at admission for the first call, until it is used.
    private var first: Hold?
    private var lastNumber: Int

    init(
        _ stage: Generation,
        _ admitted: Admitted,
        _ proposed: Proposed,
        _ validation: Validation,
        _ question: Question,
        version: String,
        onProgress: ProgressListener?
    ) {
        self.stage = stage
        self.admitted = admitted
        self.proposed = proposed
        self.validation = validation
        self.question = question
        self.version = version
        self.onProgress = onProgress
        ladder = Ladder(stage.model.routes)
        let registered = admitted.registered
        lastNumber = registered.callNumber
        first = Hold(
            number: registered.callNumber,
            name: registered.reservationName,
            amount: admitted.reserved
        )
    }

    private var leftMs: Int64 { admitted.registered.lastCallMs - stage.clock.nowMs() }

    func run() async -> Validation.Verdict {
        guard leftMs > 0 else { return .failed(.deadline) }
        var step = ladder.start()
        /// What was wrong with the answer before, for the call that asks anew.
        var complaints: [String] = []
        while case .call(let route, let kind, let afterMs) = step {
            switch await call(route, kind, afterMs, complaints) {
            case .next(let next): step = next
            case .unusable(let defects, let mayAsk):
                complaints = defects
                step = ladder.unusable(mayAsk: mayAsk, leftMs: leftMs)
            case .over(let verdict): return verdict
            }
        }
        guard case .giveUp(let reason) = step else { return .abandoned }
        return .failed(reason)
    }

    /// What is set aside in the fleet's books and not settled yet, and by what it is settled.
    var unsettled: [Charge] {
        var charges = calls.dropFirst(settledCount).map {
            Charge(name: $0.hold.name, cost: $0.cost)
        }
        if let first { charges.append(Charge(name: first.name, cost: .zero)) }
        return charges
    }

    private enum Turn {
        case next(Ladder.Step)
        case unusable([String], mayAsk: Bool)
        case over(Validation.Verdict)
    }

    /// One step of the ladder, from the question whether it may be taken to what became of it.
    private func call(
        _ route: Route,
        _ kind: Ladder.Kind,
        _ afterMs: Int64,
        _ complaints: [String]
    ) async -> Turn {
        if kind == .again || kind == .anew {
            guard await stage.switchboard.take(.repeats) else {
                return .next(ladder.repeatDenied())
            }
        }
        if afterMs > 0 {
            do throws(CancellationError) {
                try await stage.pauses.pause(ms: afterMs)
            } catch {
                return .over(.abandoned)
            }
        }
        let passage = await stage.switchboard.passage(route, for: kind)
        guard passage != .closed else { return .next(ladder.closed()) }
        let asked = written(kind == .anew ? complaints : [])
        switch await hold(for: stage.model.quote(asked, by: route)) {
        case .unaffordable(let reason):
            await stage.switchboard.report(route, passage, .neutral)
            return .next(ladder.unaffordable(reason))
        case .lost:
            await stage.switchboard.report(route, passage, .neutral)
            return .over(.abandoned)
        case .held(let hold):
            ladder.called()
            stage.watch.calls(kind)
            let going = Going(route: route, kind: kind, passage: passage, hold: hold)
            return await judge(await complete(consume asked, going))
        }
    }

    @inline(never)  // See `terms`.
    private func written(_ complaints: [String] = []) -> PreparedCall {
        let call = stage.model.prepare(question)
        return complaints.isEmpty ? call : call.complaining(complaints)
    }

    // MARK: - One call, or two beside each other

    /// A call that is set aside and let through.
    private struct Going: Sendable {
        let route: Route
        let kind: Ladder.Kind
        let passage: Passage
        let hold: Hold
    }

    private struct Ended: Sendable {
        let going: Going
        let completion: Completion
        let askedMs: Int64
        let answeredMs: Int64
    }

    private func complete(_ asked: consuming PreparedCall, _ going: Going) async -> Ended {
        let terms = terms(asked, going)
        if let afterMs = stage.rules.hedgeAfterMs, going.kind == .first, let other = ladder.besides
        {
            return await completeBeside(asked, going, terms, other, afterMs)
        }
        return await Self.complete(consume asked, going, terms, stage)
    }

    // Out of line, as `written`: inlined, its values would stand in the frame of each request that waits
    // for a model (some 300 bytes of 1,900).
    @inline(never)
    private func terms(_ asked: PreparedCall, _ going: Going) -> CallTerms {
        CallTerms(
            route: going.route,
            outputTokensMax: stage.model.quote(asked, by: going.route)
                .outputTokens(within: going.hold.amount),
            timeLeftMs: leftMs,
            address: admitted.address,
            user: admitted.accepted.request.userID,
            // Of two calls beside each other the first is the one that is told of.
            onProgress: going.kind == .beside ? nil : onProgress
        )
    }

    private static func complete(
        _ asked: consuming PreparedCall,
        _ going: Going,
        _ terms: CallTerms,
        _ stage: Generation
    ) async -> Ended {
        let askedMs = stage.clock.nowMs()
        guard terms.timeLeftMs > 0 else {
            return Ended(
                going: going,
                completion: .failure(.deadline, .nothing),
                askedMs: askedMs,
                answeredMs: askedMs
            )
        }
        let completion = await stage.model.complete(consume asked, terms)
        return Ended(
            going: going,
            completion: completion,
            askedMs: askedMs,
            answeredMs: stage.clock.nowMs()
        )
    }

    private enum Race: Sendable {
        case ended(Ended)
        case slow
    }

    /// The call, and where it is slow another one beside it: the first answer counts, and the other
    /// call is charged at what was set aside for it.
    private func completeBeside(
        _ asked: PreparedCall,
        _ going: Going,
        _ terms: CallTerms,
        _ other: Route,
        _ afterMs: Int64
    ) async -> Ended {
        let stage = stage
        return await withTaskGroup(of: Race.self) { group in
            group.addTask { .ended(await Self.complete(asked, going, terms, stage)) }
            group.addTask {
                do throws(CancellationError) {
                    try await stage.pauses.pause(ms: afterMs)
                } catch {}
                return .slow
            }
            var running = 1
            var failed: Ended?
            while let race = await group.next() {
                switch race {
                case .slow:
                    guard running == 1, failed == nil, let beside = await self.beside(going, other)
                    else { continue }
                    let terms = self.terms(asked, beside)
                    group.addTask { .ended(await Self.complete(asked, beside, terms, stage)) }
                    running += 1
                case .ended(let ended):
                    running -= 1
                    if case .answer = ended.completion {
                        if let failed { await record(failed) }
                        group.cancelAll()
                        await settleLosers(&group)
                        return ended
                    }
                    if running == 0 {
                        group.cancelAll()
                        if let failed { await record(failed) }
                        return ended
                    }
                    failed = ended
                }
            }
            return failed
                ?? Ended(
                    going: going,
                    completion: .failure(.cancelled, .unknown),
                    askedMs: 0,
                    answeredMs: 0
                )
        }
    }

    private func settleLosers(_ group: inout TaskGroup<Race>) async {
        while let race = await group.next() {
            if case .ended(let loser) = race { await record(loser) }
        }
    }

    /// What it takes for a second call: a share of them left, a way that is open, and money. What the
    /// first may cost counts as spent meanwhile.
    private func beside(_ going: Going, _ other: Route) async -> Going? {
        guard leftMs > Ladder.Limits.usefulMs, await stage.switchboard.take(.besides) else {
            return nil
        }
        let passage = await stage.switchboard.passage(other, for: .beside)
        guard passage == .open else {
            if passage == .probe { await stage.switchboard.report(other, passage, .neutral) }
            return nil
        }
        let quote = stage.model.quote(written(), by: other)
        guard case .held(let hold) = await further(quote, beside: going.hold) else { return nil }
        ladder.calledBeside(other)
        stage.watch.calls(.beside)
        return Going(route: other, kind: .beside, passage: passage, hold: hold)
    }

    // MARK: - What became of it

    private func record(_ ended: Ended) async {
        let report: CallReport =
            switch ended.completion {
            case .answer, .unusable: .answered(isSlow: isSlow(ended))
            case .failure(.deadline, _) where isSlow(ended): .answered(isSlow: true)
            case .failure(let fault, _) where fault.countsAgainstRoute: .failed(fault)
            case .failure: .neutral
            }
        calls.append(
            CallRecord(
                route: ended.going.route,
                kind: ended.going.kind,
                hold: ended.going.hold,
                modelName: ended.completion.modelName,
                promptVersion: version,
                spend: ended.completion.spend,
                askedMs: ended.askedMs,
                answeredMs: ended.answeredMs
            )
        )
        await stage.switchboard.report(ended.going.route, ended.going.passage, report)
    }

    /// Slow is what no deadline of seconds can wait for; an answer in prose takes its time.
    private func isSlow(_ ended: Ended) -> Bool {
        let tookMs = ended.answeredMs - ended.askedMs
        let isCut = if case .failure = ended.completion { true } else { false }
        return question.form == .freeForm
            ? tookMs >= (isCut ? 30_000 : 60_000) : tookMs >= (isCut ? 2_000 : 8_000)
    }

    private func judge(_ ended: Ended) async -> Turn {
        await record(ended)
        switch ended.completion {
        case .answer(let answer):
            stage.watch.reached(.answered)
            said = answer.proposal
            let verdict = stage.watch.timed(.judge) {
                validation.judge(answer, calls, in: proposed)
            }
            if case .defective(let defects) = verdict {
                return .unusable(defects, mayAsk: true)
            }
            return .over(verdict)
        case .unusable(let what, _, _):
            switch what {
            case .refused, .filtered, .leaked: return .unusable([], mayAsk: false)
            case .cutShort: return .unusable(["the answer was cut off: be shorter"], mayAsk: true)
            case .empty: return .unusable(["there was no answer"], mayAsk: true)
            }
        case .failure(.cancelled, _): return .over(.abandoned)
        case .failure(let fault, _):
            return .next(
                ladder.failed(fault, leftMs: leftMs, chance: stage.pauses.chance())
            )
        }
    }
}

// MARK: - Money

extension Climb {
    private enum Holding {
        case held(Hold)
        case unaffordable(Degradation)
        /// The request is not this attempt's any more, or this process is stopping.
        case lost
    }

    /// What was set aside at admission where it covers the call; else a claim of its own.
    private func hold(for quote: Quote) async -> Holding {
        if let first, quote.least <= first.amount {
            self.first = nil
            return .held(first)
        }
        return await further(quote, beside: nil)
    }

    /// The fleet's share first, then the user's; what the second refuses, the first takes back.
    private func further(_ quote: Quote, beside: Hold?) async -> Holding {
        let registered = admitted.registered
        let spent = calls.reduce(beside?.amount ?? .zero) { $0 + $1.cost }
        let maxCost = registered.accepted.request.maxCost
        guard let most = quote.most(within: maxCost - spent) else {
            return .unaffordable(.upstreamError)
        }
        lastNumber += 1
        let name = registered.reservationName(ofCall: lastNumber)
        let reservation = Reservation(
            name: name,
            priority: registered.accepted.entry.history.priority,
            least: quote.least,
            most: most,
            deadlineMs: registered.deadlineMs
        )
        do throws(StreamFailure) {
            let amount: NanoUSD
            switch try await stage.fleet.reserve(reservation) {
            case .granted(let granted): amount = granted
            case .pace: return .unaffordable(.globalPace)
            case .wait, .refused: return .unaffordable(.globalBudget)
            }
            let standing = Standing.calling(number: lastNumber, reserved: amount, spent: spent)
            let marking = try await stage.streams.mark(
                standing,
                of: registered.accepted,
                attempt: registered.attempt
            )
            guard marking == .marked else {
                try await stage.fleet.settle(name, cost: .zero)
                return marking == .lost ? .lost : .unaffordable(.upstreamError)
            }
            if beside == nil { try await settleEarlier() }
            return .held(Hold(number: lastNumber, name: name, amount: amount))
        } catch {
            if case .cancelled = error { return .lost }
            return .unaffordable(.upstreamError)
        }
    }

    /// The record tells what the earlier calls cost: their claims on the fleet's hour can go.
    private func settleEarlier() async throws(StreamFailure) {
        if let first {
            self.first = nil
            try await stage.fleet.settle(first.name, cost: .zero)
        }
        while settledCount < calls.count {
            let call = calls[settledCount]
            settledCount += 1
            try await stage.fleet.settle(call.hold.name, cost: call.cost)
        }
    }
}
