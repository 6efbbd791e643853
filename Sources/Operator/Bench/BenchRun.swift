import Authorization
import Contract
import Desk
import Glibc
import JSON
import Redis

/// What load is put on.
struct BenchPlan: Sendable {
    let rate: Double?
    let concurrency: Int?
    let time: Duration
    /// Requests of one batch; nil where each is asked by itself.
    let batch: Int?
    let mix: BenchMix
    /// Nil where nobody is asked for a token.
    let signer: TokenSigner?
}

/// Puts load on, reads what comes of it, and cleans up.
struct BenchRun {
    private let plan: BenchPlan
    private let service: ServiceView
    private let progress: ProgressLine
    private var report: BenchReport
    private var pending: [String: Pending] = [:]
    private var asked = 0
    /// The users' tokens that were needed so far.
    private var tokens: [String: String] = [:]
    private let start: ContinuousClock.Instant

    private enum Limits {
        /// Entries added in one go; what is due beyond it is late, and counted so.
        static let addedAtOnce = 500
        /// Reply streams that one command reads.
        static let readAtOnce = 500
        /// Between two looks at the answers. Latency is by Redis' clock, and not by when it is read.
        static let look = Duration.milliseconds(10)
        /// How long after its deadline an answer is waited for.
        static let patience = Duration.seconds(5)
    }

    private struct Pending {
        let queue: Queue
        let replyKey: String
        /// Keys beside the reply's that go with it.
        let others: [String]
        /// When it was added, Redis' clock, Unix milliseconds; and how late that was.
        let addedMs: Int64
        let late: Duration
    }

    init(_ plan: BenchPlan, _ service: ServiceView, _ progress: ProgressLine) {
        self.plan = plan
        self.service = service
        self.progress = progress
        report = BenchReport(plan)
        start = .now
    }

    consuming func run() async throws -> BenchReport {
        try await makeProfiles()
        let begun = ContinuousClock.now
        var lastAdded = begun
        while true {
            let now = ContinuousClock.now
            // Of a rate all are asked that are due in this time.
            let isOver = total.map { asked >= $0 } ?? (now - begun >= plan.time)
            let due = isOver ? 0 : due(now - begun)
            if due > 0 {
                try await add(due, begun: begun)
                lastAdded = .now
            }
            try await read()
            let limit = plan.mix.deadline + Limits.patience
            if isOver, pending.isEmpty || now - lastAdded > limit { break }
            progress.show(
                report.answered,
                of: asked,
                "\(pending.count) under way, \(Figures.span(report.percentile(95))) p95"
            )
            try await Task.sleep(for: Limits.look)
        }
        report.unanswered = pending.count
        report.took = .now - begun
        return report
    }

    /// How many are asked in all; nil where that depends on how fast they are answered.
    private var total: Int? {
        plan.rate.map { max(Int(((plan.time / .seconds(1)) * $0).rounded()), 1) }
    }

    /// How many are to be asked now.
    private func due(_ passed: Duration) -> Int {
        if let rate = plan.rate, let total {
            let count = Int((passed / .seconds(1)) * rate) + 1
            return min(min(count, total) - asked, Limits.addedAtOnce)
        }
        return min((plan.concurrency ?? 1) - pending.count, Limits.addedAtOnce)
    }

    /// Users of this run are of the tiers that were asked for, and forgotten an hour later.
    private func makeProfiles() async throws {
        var commands: [RedisCommand] = []
        for number in 0..<plan.mix.users {
            let user = plan.mix.user(number)
            let key = service.surroundings.keys(ofUser: user).userProfile(user)
            let tier = plan.mix.tiers.choose { Int.random(in: 0..<$0) }
            commands.append(RedisCommand("HSET", .text(key), "tier", .text(tier)))
            commands.append(RedisCommand("EXPIRE", .text(key), 3_600))
            if commands.count >= 1_000 || number == plan.mix.users - 1 {
                _ = try await service.redis.pipeline(commands)
                commands = []
            }
        }
    }
}

// MARK: - Asking

extension BenchRun {
    private mutating func add(_ count: Int, begun: ContinuousClock.Instant) async throws {
        var commands: [RedisCommand] = []
        var made: [(id: String, queue: Queue, keys: Keys, due: ContinuousClock.Instant)] = []
        for number in asked..<asked + count {
            let id = "bench-\(plan.mix.run)-\(number)"
            let user = plan.mix.user(number)
            let queue = plan.mix.queue { Int.random(in: 0..<$0) }
            let keys = service.surroundings.keys(ofUser: user)
            let due = plan.rate.map { begun + .seconds(Double(number) / $0) } ?? .now
            var command = command(id, user, queue, keys)
            if let token = try await token(of: user) {
                command.append("authorization")
                command.append(token)
            }
            commands.append(command)
            made.append((id, queue, keys, due))
        }
        asked += count
        let answers = try await service.redis.pipeline(commands)
        let now = ContinuousClock.now
        for (one, answer) in zip(made, answers) {
            guard let entry = answer.bytes.flatMap({ EntryID($0) }), let id = RequestID(one.id)
            else {
                report.refusedByRedis += 1
                continue
            }
            let late = max(now - one.due, .zero)
            report.asked(plan.batch ?? 1, late: late)
            pending[one.id] = Pending(
                queue: one.queue,
                replyKey: one.keys.reply(id),
                others: others(one.id, one.keys),
                addedMs: Int64(clamping: entry.milliseconds),
                late: late
            )
        }
    }

    /// Good for the whole of the run, and the waiting behind it.
    private mutating func token(of user: String) async throws -> String? {
        guard let signer = plan.signer else { return nil }
        if let known = tokens[user] { return known }
        let lasts = (plan.time + plan.mix.deadline) / .seconds(1) + 3_600
        let made = try await signer.header(of: user, expiresAt: Double(time(nil)) + lasts)
        tokens[user] = made
        return made
    }

    private func command(_ id: String, _ user: String, _ queue: Queue, _ keys: Keys) -> RedisCommand
    {
        var add = RedisCommand("XADD", reserving: 2_048)
        add.append(keys.requests(plan.batch == nil ? queue : .normal))
        add.append("*")
        add.append("request_id")
        add.append(id)
        add.append("deadline_ms")
        add.append(String(Int(plan.mix.deadline / .milliseconds(1))))
        if plan.batch != nil {
            add.append("type")
            add.append("batch")
        }
        add.append("payload")
        if let members = plan.batch {
            add.append(
                plan.mix.payload(ofBatch: id, user, queue, members: members) {
                    Int.random(in: 0..<$0)
                }
            )
        } else {
            add.append(plan.mix.payload(of: user) { Int.random(in: 0..<$0) })
        }
        return add
    }

    /// What a batch leaves beside its envelope's answer.
    private func others(_ id: String, _ keys: Keys) -> [String] {
        guard let members = plan.batch, let batch = BatchID(id) else { return [] }
        return [keys.batchReply(batch)]
            + (0..<members).compactMap { RequestID("\(id).\($0)").map { keys.reply($0) } }
    }
}

// MARK: - Reading

extension BenchRun {
    private mutating func read() async throws {
        let all = Array(pending)
        var gone: [String] = []
        for first in stride(from: 0, to: all.count, by: Limits.readAtOnce) {
            let some = all[first..<min(first + Limits.readAtOnce, all.count)]
            var command = RedisCommand("XREAD", reserving: some.count * 64)
            command.append("COUNT")
            command.append("100")
            command.append("STREAMS")
            for one in some { command.append(one.value.replyKey) }
            for _ in some { command.append("0") }
            let ids = Dictionary(uniqueKeysWithValues: some.map { ($0.value.replyKey, $0.key) })
            for stream in try await service.redis.send(command).array ?? [] {
                guard let parts = stream.array, parts.count == 2, let key = parts[0].text,
                    let id = ids[key], let waiting = pending[id],
                    let end = (parts[1].array ?? [])
                        .compactMap({ $0.entry.flatMap { ReplyEvent($0.fields) } })
                        .last(where: \.isTerminal)
                else { continue }
                pending[id] = nil
                gone.append(key)
                gone += waiting.others
                let took = Duration.milliseconds(end.at - waiting.addedMs) + waiting.late
                report.ended(end, waiting.queue, took)
            }
        }
        for first in stride(from: 0, to: gone.count, by: Limits.readAtOnce) {
            var command = RedisCommand("DEL", reserving: 32_768)
            for key in gone[first..<min(first + Limits.readAtOnce, gone.count)] {
                command.append(key)
            }
            try await service.redis.send(command)
        }
    }
}
