package import Contract
package import Gateways
package import Policy

/// How long an entry will wait that is added now, from how the books have moved of late.
///
/// ```
///   begun and ended requests                      service time: how long ago as many had begun
///        │                begun ───────╱          as have ended by now
///        │               ╱        ╱               pace: what ended a second while others waited
///        │         ╱<── S ──>╱                    wait: what is ahead ÷ pace
///        │    ╱         ╱ ended
///        └──────────────────────── time
/// ```
/// While something waits, what ends a second is the pace itself, whatever bounds it: slots, the
/// fleet's calls a minute, users' limits. Before that has been seen for long enough, the slots of all
/// workers that live divided by the service time stand in for it.
package struct LoadEstimate: Sendable {
    private let rules: Rules
    private var samples: [Sample] = []
    /// How long a request runs, ms.
    private var serviceMs = Limits.serviceAtFirstMs
    /// A request has ended since this process leads.
    private var isServiceKnown = false

    /// What an operator may set.
    package struct Rules: Sendable {
        /// `PRIORITY_WEIGHTS`.
        package let weights: PriorityWeights
        /// `REQUESTS_PER_MINUTE`; nil when calls are not paced.
        package let callsPerMinute: Int?

        package init(weights: PriorityWeights, callsPerMinute: Int?) {
            self.weights = weights
            self.callsPerMinute = callsPerMinute
        }
    }

    package enum Limits {
        /// Before any request has ended: an answer of a model takes some seconds.
        static let serviceAtFirstMs = 2_000.0
        /// How far back the books are remembered: ten times what most answers take.
        static let historyMs: Int64 = 60_000
        /// The stretch over which the pace is measured: long enough to be steady, short enough to follow.
        static let stretchMs: Int64 = 15_000
        static let stretchLeastMs: Int64 = 2_000
        /// Waits are not told beyond this: nobody can rely on so much.
        package static let waitMaxMs: Int64 = 86_400_000
    }

    private struct Sample {
        let atMs: Int64
        /// Requests that had ended by then, or whose entry had left the stream otherwise.
        let ended: Int
        /// Those that were turned away unread: no sign of any pace.
        let turnedAway: Int
        /// Read and neither ended nor parked.
        let running: Int
        let parked: Int
        let waiting: [Queue: Int]
        let slots: Int

        var begun: Int { ended + running }
        var ahead: Int { waiting.values.reduce(parked, +) }
    }

    package init(_ rules: Rules) { self.rules = rules }

    /// - Parameters:
    ///   - slots: Requests that the workers that live run at once.
    ///   - isHeldUp: Nothing new starts now, for reasons that say nothing of the pace.
    package mutating func saw(_ books: Measurement, slots: Int, isHeldUp: Bool) {
        let parked = max(books.counters["parked", default: 0], 0)
        let turnedAway = Queue.allCases.reduce(0) {
            $0 + books.counters["overloaded:\($1.rawValue)", default: 0]
        }
        let sample = Sample(
            atMs: books.nowMs,
            ended: Conservation.left(books) - turnedAway,
            turnedAway: turnedAway,
            running: max(books.streams.values.reduce(0) { $0 + $1.pending } - parked, 0),
            parked: parked,
            waiting: books.streams.mapValues { max($0.length - $0.pending, 0) },
            slots: slots
        )
        // Time has stood still, or the books are others: nothing follows from what was before.
        if let last = samples.last, sample.atMs <= last.atMs || sample.ended < last.ended {
            samples = []
        }
        if isHeldUp { samples = [] }
        samples.append(sample)
        samples.removeAll { $0.atMs < sample.atMs - Limits.historyMs }
        measureService()
    }

    /// When as many had begun as have ended by now.
    private mutating func measureService() {
        guard let last = samples.last, samples.count > 1, last.running > 0 else { return }
        let before = samples[samples.count - 2]
        var ms = Double(last.atMs - samples[0].atMs)
        for (early, late) in zip(samples, samples.dropFirst()).reversed()
        where early.begun <= last.ended {
            let share = Double(last.ended - early.begun) / Double(max(late.begun - early.begun, 1))
            let begun = Double(early.atMs) + min(share, 1) * Double(late.atMs - early.atMs)
            ms = Double(last.atMs) - begun
            break
        }
        if last.ended > before.ended {
            serviceMs += (isServiceKnown ? 0.3 : 1) * (max(ms, 1) - serviceMs)
            isServiceKnown = true
        } else {
            // Nothing ends: it takes longer than was thought.
            serviceMs = max(serviceMs, ms)
        }
    }

    /// What ended a second while others waited, and how long that has been seen.
    private var measured: (perSecond: Double, ms: Int64)? {
        guard let last = samples.last else { return nil }
        let stretch = samples.reversed().prefix {
            $0.ahead > 0 && last.atMs - $0.atMs <= Limits.stretchMs
        }
        guard let first = stretch.last, first.atMs < last.atMs else { return nil }
        let ms = last.atMs - first.atMs
        return (Double(last.ended - first.ended) * 1_000 / Double(ms), ms)
    }

    /// Whether the pace has been seen, as opposed to reckoned from slots.
    package var isMeasured: Bool {
        guard let measured, measured.perSecond > 0 else { return false }
        return Double(measured.ms) >= max(Double(Limits.stretchLeastMs), 3 * serviceMs)
    }

    /// Requests a second; nil when no worker lives.
    package var perSecond: Double? {
        guard let last = samples.last, last.slots > 0 else { return nil }
        if isMeasured, let measured { return measured.perSecond }
        return Double(last.slots) * 1_000 / serviceMs
    }

    /// Entries that wait, parked requests included.
    package var ahead: Int { samples.last?.ahead ?? 0 }
    /// Those that wait no more, because they have begun or were turned away; it grows by one with each.
    package var begun: Int { samples.last.map { $0.begun + $0.turnedAway } ?? 0 }

    /// How long an entry added now to this stream waits; nil when no worker lives.
    package func waitMs(in queue: Queue) -> Int64? { waitMs(in: queue, behind: nil) }

    /// - Parameter position: Entries before it in its own stream; nil is all of them.
    package func waitMs(in queue: Queue, behind position: Int?) -> Int64? {
        guard let last = samples.last, let perSecond else { return nil }
        let own = last.waiting[queue, default: 0]
        let before = min(position ?? own, own)
        let all = last.ahead - own + before
        guard all > 0 || last.running >= last.slots else { return 0 }
        // The next slot is one service time ÷ slots away.
        let free = max(last.slots - last.running, 0)
        let whole = Double(max(all + 1 - free, 0)) / perSecond
        // Others wait as well, so it has its share of the pace at the least.
        let share =
            Double(before + last.waiting[.retry, default: 0] + 1)
            / (perSecond * self.share(of: queue, last))
        let ms = max(min(whole, share) * 1_000, pacedMs(queue, before, last))
        return min(Int64(ms.rounded(.up)), Limits.waitMaxMs)
    }

    private func share(of queue: Queue, _ sample: Sample) -> Double {
        guard let own = rules.weights[queue] else { return 1 }
        let others = sample.waiting.reduce(0) { sum, other in
            other.key == queue || other.value == 0 ? sum : sum + (rules.weights[other.key] ?? 0)
        }
        return Double(own) / Double(own + others)
    }

    /// What the fleet's minute allows, which `low` gets evenly and the others at once.
    private func pacedMs(_ queue: Queue, _ before: Int, _ sample: Sample) -> Double {
        guard let calls = rules.callsPerMinute, queue == .low else { return 0 }
        guard calls > 0 else { return Double(Limits.waitMaxMs) }
        return Double(before + sample.parked) * 61_000 / Double(calls)
    }
}

/// Compares what was estimated with what it then was, one wait at a time.
package struct EstimateCheck: Sendable {
    private var probe: (estimatedMs: Int64, sinceMs: Int64, until: Int)?

    package enum Limits {
        /// Rounds are a second apart, so a shorter wait cannot be told well.
        package static let waitLeastMs: Int64 = 4_000
    }

    package init() {}

    /// - Returns: What was estimated by what it was, when a wait is over that was long enough.
    package mutating func saw(
        _ estimate: LoadEstimate,
        waitMs: Int64?,
        nowMs: Int64
    ) -> Double? {
        var ratio: Double?
        if let open = probe, estimate.begun >= open.until {
            let real = nowMs - open.sinceMs
            if real >= Limits.waitLeastMs { ratio = Double(open.estimatedMs) / Double(real) }
            probe = nil
        }
        if probe == nil, estimate.ahead > 0, let waitMs {
            probe = (waitMs, nowMs, estimate.begun + estimate.ahead)
        }
        return ratio
    }

    /// What happens from now on says nothing of what was estimated.
    package mutating func reset() { probe = nil }
}
