import Contract
import Gateways
import Logging
import Options
import Pipeline
import Policy
import Program
import Telemetry

/// Counts, times and logs what the pipeline does.
struct Observation: Watch {
    let metrics: RequestMetrics
    let model: ModelMetrics
    let cache: CacheMetrics
    let log: Logger
    /// Nil outside tests of faults.
    let faults: Faults<Step>?

    func begin() -> ContinuousClock.Instant { .now }

    func end(_ stage: Pipeline::Stage, since start: ContinuousClock.Instant) {
        metrics.stageDuration.record(Metrics.Stage(stage), ContinuousClock.now - start)
    }

    func calls(_ kind: Ladder.Kind) { model.callKinds.increment(Metrics.CallKind(kind)) }

    func shares(_ outcome: SharingOutcome) { cache.looks.increment(Metrics.Sharing(outcome)) }

    func reached(_ step: Step) { faults?.reached(step) }

    func started(_ accepted: Accepted) {
        let times = accepted.times
        metrics.queueWait.record(.milliseconds(max(times.nowMs - times.addedMs, 0)))
        if times.idIsAhead {
            log.warning(
                "an entry's ID is ahead of Redis' clock; its deadline counts from now",
                metadata: accepted.entry.logFacts
            )
        }
    }

    func screened(_ accepted: Accepted, _ verdict: ScreeningVerdict) {
        metrics.screened.increment(Metrics.Verdict(verdict.level))
        guard verdict.level != .pass else { return }
        var facts = accepted.entry.logFacts
        facts["verdict"] = "\(verdict.level.rawValue)"
        facts["reasons"] = "\(verdict.reasons.map(\.code).joined(separator: ","))"
        facts["score"] = .stringConvertible(verdict.score)
        log.warning("a request's words look like an attack", metadata: facts)
    }

    func restricted(_ accepted: Accepted, _ hit: RestrictedList.Hit) {
        var facts = accepted.entry.logFacts
        facts["hit"] = "\(hit.sentence)"
        log.warning("a request asks for what is restricted", metadata: facts)
    }

    func expanded(_ batch: AcceptedBatch) {
        var facts = batch.entry.logFacts
        facts["batch_id"] = "\(batch.request.batchID)"
        facts["members"] = "\(batch.request.members.count)"
        log.info("a batch's members are in their stream", metadata: facts)
    }

    func ended(_ address: Address, _ ending: Pipeline::Ending, _ receipt: Receipt) {
        var facts = address.logFacts
        switch ending {
        case .result(let result):
            if receipt == .committed { metrics.finished.increment(.result) }
            facts["event"] = "result"
            facts["source"] = "\(result.source.rawValue)"
            if let reason = result.degraded { facts["degraded"] = "\(reason.rawValue)" }
            if case .noTrade(let reason) = result.outcome {
                facts["no_trade"] = "\(reason.rule ?? "model")"
            }
            facts["total_ms"] = .stringConvertible(result.timing.totalMs)
            facts["model_ms"] = .stringConvertible(result.timing.modelMs)
        case .report:
            if receipt == .committed { metrics.finished.increment(.result) }
            facts["event"] = "result"
            facts["type"] = "usage"
        case .rejected(let rejection):
            if receipt == .committed { metrics.finished.increment(.rejected(rejection.code)) }
            facts["event"] = "rejected"
            facts["code"] = "\(rejection.code.rawValue)"
            if let field = rejection.field { facts["field"] = "\(field)" }
        case .failed(let failure, _):
            if receipt == .committed { metrics.finished.increment(.failed(failure.code)) }
            facts["event"] = "failed"
            facts["code"] = "\(failure.code.rawValue)"
        case .cancelled:
            if receipt == .committed { metrics.finished.increment(.cancelled) }
            facts["event"] = "cancelled"
        case .abandoned: return
        }
        if receipt != .committed { facts["receipt"] = "\(receipt)" }
        log.info("a request ended", metadata: facts)
    }
}

extension Step: FaultPoint {}

extension Metrics.Verdict {
    init(_ level: ScreeningVerdict.Level) {
        switch level {
        case .pass: self = .pass
        case .flag: self = .flag
        case .block: self = .block
        }
    }
}

extension Metrics.CallKind {
    init(_ kind: Ladder.Kind) {
        switch kind {
        case .first: self = .first
        case .again: self = .again
        case .anew: self = .anew
        case .elsewhere: self = .elsewhere
        case .beside: self = .beside
        }
    }
}

extension Metrics.Sharing {
    init(_ outcome: SharingOutcome) {
        switch outcome {
        case .hit: self = .hit
        case .miss: self = .miss
        case .followed: self = .followed
        case .unfit: self = .unfit
        case .stale: self = .stale
        }
    }
}

extension Metrics.Stage {
    init(_ stage: Pipeline::Stage) {
        switch stage {
        case .decode: self = .decode
        case .screen: self = .screen
        case .admit: self = .admit
        case .enrich: self = .enrich
        case .propose: self = .propose
        case .ask: self = .ask
        case .judge: self = .judge
        case .fallback: self = .fallback
        case .settle: self = .settle
        case .report: self = .report
        }
    }
}
