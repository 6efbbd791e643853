import Contract
import Gateways
package import JSON
import Telemetry

/// What an operator should look at, and what to do about it, most urgent first.
package struct Finding: Equatable, Sendable {
    package enum Severity: String, Sendable {
        /// Requests are not answered, or soon will not be.
        case bad
        /// It goes on, and not as it should.
        case warn
        /// Good to know.
        case info
    }
    package let severity: Severity
    /// What is so: a sentence.
    package let what: String
    /// What mends it, or who.
    package let todo: String
    /// The partition that is paused, where that is what was found.
    package var partition: Int?
}

extension FleetReading {
    private enum Bounds {
        /// Share of a limit from which it is told.
        static let nearlySpent = 0.9
        /// What waits longer while slots are free is held up by something, milliseconds.
        static let heldUpMs: Int64 = 10_000
        /// For so long a worker that went away may be why it waits, milliseconds.
        static let missedMs: Int64 = 600_000
    }

    package var findings: [Finding] {
        let all: [[Finding]] = [
            withoutWorkers, dead, pauses, withoutLeader, modelless, crowd, money, memoryShort,
            letters,
        ]
        return all.flatMap { $0 }
    }

    private var waiting: Int { figures.waiting.values.reduce(0, +) }
    private var oldestMs: Int64 { figures.oldestWaitingMs.values.max() ?? 0 }

    private var withoutWorkers: [Finding] {
        guard !workers.contains(where: { $0.life != nil }) else { return [] }
        let count = waiting + figures.inFlight.values.reduce(0, +)
        let age = oldestMs > 0 ? ", the oldest for \(Figures.span(oldestMs))" : ""
        return [
            Finding(
                severity: count > 0 ? .bad : .warn,
                what: count > 0
                    ? "\(Figures.count(count, "request waits", "requests wait")) and no worker shows a "
                        + "sign of life\(age)."
                    : "No worker shows a sign of life.",
                todo: "Start one: make up in this checkout, or kubectl scale "
                    + "deployment/strategy-worker --replicas=2. One that was stopped (frozen) goes on "
                    + "after kill -CONT. Its log says why it ended."
            )
        ]
    }

    private var dead: [Finding] {
        workers.filter { $0.life == nil && $0.held > 0 }.prefix(5).map { worker in
            Finding(
                severity: .warn,
                what: "Worker \(worker.name) shows no sign of life and holds "
                    + "\(Figures.count(worker.held, "request", "requests")).",
                todo:
                    "A supervisor gives them to others within seconds. If they stay, look whether "
                    + "one leads the partition; the worker's log says why it died."
            )
        }
    }

    private var pauses: [Finding] {
        partitions.compactMap { partition in
            guard let pause = partition.pause else { return nil }
            return Finding(
                severity: .warn,
                what: "Partition \(partition.partition) is paused by \(pause.by) since "
                    + "\(Figures.time(pause.atMs)): nothing new starts in it.",
                todo: "Resume it when its reason is gone; what waits has deadlines.",
                partition: partition.partition
            )
        }
    }

    private var withoutLeader: [Finding] {
        let lost = partitions.filter { $0.leader == nil }.map { "\($0.partition)" }
        guard !lost.isEmpty else { return [] }
        return [
            Finding(
                severity: .bad,
                what: "No supervisor looks after partition \(lost.joined(separator: ", ")).",
                todo:
                    "One that runs takes it within 5 s of the last one's end. Until then nothing is "
                    + "taken from dead workers: start one, or look at /health of those that run."
            )
        ]
    }

    private var modelless: [Finding] {
        breakers.filter { $0.state == "open" || $0.state == "off" }.map { breaker in
            let left = breaker.untilMs - nowMs
            let again = left > 0 ? ", and is tried again in \(Figures.span(left))" : ""
            return Finding(
                severity: .warn,
                what: "\(breaker.name) is not asked: \(breaker.reason)\(again).",
                todo: breaker.state == "off"
                    ? "Somebody must act: the key, the quota or the model's name. Then `strategyctl "
                        + "breaker reset`; until then others or rules answer, marked so."
                    : "Its API fails or is slow: see its status page. Until then others or rules "
                        + "answer, marked so."
            )
        }
    }

    /// Why it waits, where workers live.
    private var crowd: [Finding] {
        let alive = workers.filter { $0.life != nil }
        guard waiting > 0, !alive.isEmpty, !partitions.contains(where: { $0.pause != nil }) else {
            return []
        }
        let slots = alive.reduce(0) { $0 + ($1.life?.slots ?? 0) }
        let held = alive.reduce(0) { $0 + $1.held }
        let parked = figures.parked
        if parked > 0, held - parked < slots {
            return [
                Finding(
                    severity: .warn,
                    what:
                        "\(Figures.count(parked, "request waits", "requests wait")) for a limit, not "
                        + "for a worker.",
                    todo: "Calls a minute (REQUESTS_PER_MINUTE) or dollars an hour "
                        + "(COST_PER_HOUR_LIMIT, a user's tier) are used up for now."
                )
            ]
        }
        if held >= slots {
            let missed = missed
            return [
                Finding(
                    severity: oldestMs > Bounds.heldUpMs ? .warn : .info,
                    what: "All \(slots) slots are in use while "
                        + "\(Figures.count(waiting, "request waits", "requests wait"))\(missed).",
                    todo: (missed.isEmpty ? "More" : "Start it again, if nobody did; else more")
                        + " workers, or a higher MAX_CONCURRENT_REQUESTS; or the model is slow: "
                        + "see the time to an answer."
                )
            ]
        }
        guard oldestMs > Bounds.heldUpMs else { return [] }
        return [
            Finding(
                severity: .warn,
                what: "\(Figures.count(waiting, "request waits", "requests wait")) for up to "
                    + "\(Figures.span(oldestMs)) though slots are free.",
                todo:
                    "A worker may be stopping, or hold back because Redis' memory is short: see its "
                    + "/health."
            )
        ]
    }

    /// That a worker went away a moment ago, to go on a sentence; empty where none did.
    private var missed: String {
        guard let workerGoneMs, nowMs - workerGoneMs < Bounds.missedMs else { return "" }
        return "; a worker went away \(Figures.span(nowMs - workerGoneMs)) ago"
    }

    private var money: [Finding] {
        guard let limit = budget.limit, limit > .zero else { return [] }
        let used = budget.settled + budget.reserved
        guard Double(used.amount) >= Bounds.nearlySpent * Double(limit.amount) else { return [] }
        return [
            Finding(
                severity: used >= limit ? .bad : .warn,
                what: "\(used) of the fleet's \(limit) USD of this hour are spent or reserved.",
                todo: "Then answers come from rules alone, marked so, until spend leaves the hour. "
                    + "COST_PER_HOUR_LIMIT raises it."
            )
        ]
    }

    private var memoryShort: [Finding] {
        guard memory.bytesMax > 0,
            Double(memory.bytesUsed) >= Bounds.nearlySpent * Double(memory.bytesMax)
        else { return [] }
        return [
            Finding(
                severity: .bad,
                what: "Redis uses \(memory.bytesUsed >> 20) of \(memory.bytesMax >> 20) MiB.",
                todo:
                    "Above MEMORY_WATERMARK nothing new is read. Raise maxmemory, or let answers go "
                    + "sooner (REPLY_TTL)."
            )
        ]
    }

    private var letters: [Finding] {
        let count = figures.dead
        guard count > 0 else { return [] }
        return [
            Finding(
                severity: .info,
                what: "There \(count == 1 ? "is" : "are") "
                    + "\(Figures.count(count, "dead letter", "dead letters")).",
                todo:
                    "Nothing happens to them by itself: look at them, replay what was mended, drop "
                    + "the rest."
            )
        ]
    }
}

extension Finding {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("severity", severity.rawValue)
            writer.field("what", what)
            writer.field("todo", todo)
            writer.field("partition", orNull: partition.map(Int64.init))
        }
    }
}
