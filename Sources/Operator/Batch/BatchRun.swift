import ArgumentParser
import Contract
import Desk
import Redis
import Secrets

/// One run over a file: looks what is answered, pushes the rest as the service has room for it, and
/// gathers the answers.
struct BatchRun {
    struct Terms: Sendable {
        let priority: Priority
        let deadlineMs: Int64?
        let maxWaitMs: Int64
        let runName: String
        /// Of the user whose requests they all are; nil where none is asked for.
        let authorization: Secret?
    }

    enum Limits {
        /// Requests that are looked up in one go, two short commands each.
        static let page = 500
        /// Requests added in one go, after the load was read.
        static let part = 100
        /// Past its deadline by which an answer has come, whoever has to give it.
        static let graceMs: Int64 = 15_000
        /// How long Redis may be away before the run gives up; nothing is lost by it.
        static let outage = Duration.seconds(60)
        static let lookUpEvery = Duration.seconds(2)
    }

    enum State {
        /// Not looked at.
        case unknown
        case toPush
        case under(giveUpAt: ContinuousClock.Instant)
        case answered
        /// Its time is over.
        case silent
    }

    let file: BatchFile
    let terms: Terms
    let service: ServiceView
    private let answers: AnswerFile?
    private let progress: ProgressLine
    private let redis: PatientRedis
    let bursts: [Burst]
    private var states: [State]
    private var tally: BatchTally
    private let places: [RequestID: Int]
    /// Where the next one to be pushed is looked for, and the next to be looked up.
    private var (pushCursor, lookUpCursor) = (0, 0)
    private var left = 0
    private var gate: LoadGate
    private var lastIDs: [String]

    init(
        _ file: BatchFile,
        _ terms: Terms,
        _ answers: AnswerFile?,
        _ progress: ProgressLine,
        _ service: ServiceView
    ) {
        self.file = file
        self.terms = terms
        self.answers = answers
        self.progress = progress
        self.service = service
        redis = PatientRedis(redis: service.redis, progress: progress)
        states = Array(repeating: .unknown, count: file.lines.count)
        tally = BatchTally(requests: file.lines.count, wrongLines: file.defects.count)
        places = Dictionary(uniqueKeysWithValues: file.lines.enumerated().map { ($1.id, $0) })
        bursts = Burst.all(of: file, named: terms.runName)
        gate = LoadGate(maxWaitMs: terms.maxWaitMs)
        lastIDs = Array(repeating: "0", count: bursts.count)
    }

    mutating func carryOut() async throws -> BatchTally {
        let start = ContinuousClock.now
        takeKnown()
        for page in stride(from: 0, to: states.count, by: Limits.page) {
            try await lookUp(Array(page..<min(page + Limits.page, states.count)), isFirst: true)
        }
        if left > 0 {
            tally.batches = bursts.map(\.id.text)
            progress.say(
                "\(left) of \(states.count) have no answer yet; batch "
                    + tally.batches.joined(separator: ", ")
            )
        }
        var lookUpAt = ContinuousClock.now + Limits.lookUpEvery
        while left > 0 {
            let pushes = try await push()
            try await follow(waitingMs: pushes ? 1 : 200)
            if ContinuousClock.now >= lookUpAt {
                try await lookUpSome()
                lookUpAt = .now + Limits.lookUpEvery
            }
            show()
        }
        tally.seconds = (.now - start) / .seconds(1)
        return tally
    }

    private func show() {
        progress.show(
            tally.answered,
            of: states.count,
            [
                "\(tally.pushed) pushed",
                pushCursor < states.count
                    ? gate.obstacle.map { "held back: \($0)" } ?? "" : "",
            ].filter { !$0.isEmpty }.joined(separator: "; ")
        )
    }
}

// MARK: - What is answered

extension BatchRun {
    /// What an earlier run has written down is not asked for again.
    private mutating func takeKnown() {
        left = states.count
        for (id, answer) in answers?.known ?? [:] {
            guard let place = places[id] else { continue }
            states[place] = .answered
            left -= 1
            tally.count(answer, before: true)
        }
    }

    private mutating func answered(_ place: Int, _ event: ReplyEvent, before: Bool) throws {
        if case .answered = states[place] { return }
        let answer = BatchAnswer(file.lines[place].id, event)
        try answers?.append(answer, line: file.lines[place].number)
        states[place] = .answered
        left -= 1
        tally.count(answer, before: before)
    }

    /// Asks the books about some requests.
    private mutating func lookUp(_ all: [Int], isFirst: Bool) async throws {
        let asked = all.filter { if case .answered = states[$0] { false } else { true } }
        let found = try await redis.ask(
            asked.flatMap { place -> [RedisCommand] in
                let line = file.lines[place]
                let keys = service.keys(in: line.partition)
                return [
                    // Behind the answer there may be words to others who used the same id.
                    RedisCommand("XREVRANGE", .text(keys.reply(line.id)), "+", "-", "COUNT", 20),
                    RedisCommand(
                        "HMGET",
                        .text(keys.record(line.id)),
                        "state",
                        "code",
                        "cost",
                        "hash"
                    ),
                ]
            }
        )
        for (index, place) in asked.enumerated() {
            let record = found[2 * index + 1].array ?? []
            try settle(
                place,
                (found[2 * index].array ?? []).compactMap {
                    $0.entry.flatMap { ReplyEvent($0.fields) }
                },
                record.map(\.text),
                isFirst: isFirst
            )
        }
    }

    private mutating func settle(
        _ place: Int,
        _ events: [ReplyEvent],
        _ record: [String?],
        isFirst: Bool
    ) throws {
        guard record.count == 4 else { return }
        let line = file.lines[place]
        if let hash = record[3], hash != PayloadHash(of: file.payload(of: line)).text {
            complain("line \(line.number): its request_id is another request's: \(line.id)")
            states[place] = .answered
            left -= 1
            return tally.countGone(code: "rejected, request_id_conflict", cost: .zero)
        }
        if let end = events.first(where: \.isTerminal) {
            return try answered(place, end, before: isFirst)
        }
        if record[0] == "ended" {
            states[place] = .answered
            left -= 1
            return tally.countGone(
                code: record[1] ?? "?",
                cost: NanoUSD(record[2].flatMap { Int64($0) } ?? 0)
            )
        }
        switch states[place] {
        case .unknown: states[place] = record[0] == nil ? .toPush : .under(giveUpAt: giveUpAt)
        case .under(let end) where end < .now:
            states[place] = .silent
            left -= 1
        default: break
        }
    }

    private var giveUpAt: ContinuousClock.Instant {
        let patience = terms.deadlineMs ?? ContractLimits.deadlineRange.upperBound
        return .now + .milliseconds(patience + Limits.graceMs)
    }

    /// The next of those under way, round and round: who reads only the batch's stream would miss
    /// what ended under another batch's name.
    private mutating func lookUpSome() async throws {
        var page: [Int] = []
        for step in 0..<states.count where page.count < Limits.page {
            let place = (lookUpCursor + step) % states.count
            if case .under = states[place] { page.append(place) }
        }
        guard let last = page.last else { return }
        lookUpCursor = (last + 1) % states.count
        try await lookUp(page, isFirst: false)
    }
}

// MARK: - Pushing and following

extension BatchRun {
    /// Adds the next part, if the service has room for it.
    ///
    /// - Returns: Whether it may go on at once.
    private mutating func push() async throws -> Bool {
        var part: [Int] = []
        while pushCursor < states.count, part.count < Limits.part {
            if case .toPush = states[pushCursor] {
                let partition = file.lines[pushCursor].partition
                if let first = part.first, file.lines[first].partition != partition { break }
                part.append(pushCursor)
            }
            pushCursor += 1
        }
        guard let first = part.first else { return false }
        let partition = file.lines[first].partition
        guard try await gate.isOpen(partition, service, redis) else {
            pushCursor = first
            return false
        }
        let answers = try await redis.ask(part.map { entry($0) })
        for (place, answer) in zip(part, answers) {
            if case .error(let error) = answer {
                // Full, or read-only: what was not added is added later.
                gate.close(because: "Redis refuses: \(error.prefix)")
                pushCursor = min(pushCursor, place)
                continue
            }
            states[place] = .under(giveUpAt: giveUpAt)
            tally.pushed += 1
        }
        return true
    }

    private func entry(_ place: Int) -> RedisCommand {
        let line = file.lines[place]
        let payload = file.payload(of: line)
        var command = RedisCommand("XADD", reserving: payload.count + 384)
        command.append(service.keys(in: line.partition).requests(terms.priority.queue))
        command.append("*")
        command.append("request_id")
        command.append(line.id.text)
        command.append("v")
        command.append("1")
        command.append("payload")
        command.append(payload)
        if let deadline = terms.deadlineMs {
            command.append("deadline_ms")
            command.append(Int(deadline))
        }
        if let burst = bursts.first(where: { $0.partition == line.partition && $0.has(place) }) {
            command.append("batch_id")
            command.append(burst.id.text)
            command.append("batch_index")
            command.append(burst.index(of: place))
            command.append("batch_size")
            command.append(burst.places.count)
        }
        if let authorization = terms.authorization {
            command.append("authorization")
            command.append(authorization.reveal())
        }
        return command
    }

    /// Reads which members have ended since, and their answers.
    /// The corresponding Redis command is `XREAD`.
    private mutating func follow(waitingMs: Int) async throws {
        var command = RedisCommand("XREAD", reserving: 128 * (bursts.count + 1))
        command.append("COUNT")
        command.append(Limits.page)
        command.append("BLOCK")
        command.append(waitingMs)
        command.append("STREAMS")
        for burst in bursts {
            command.append(service.keys(in: burst.partition).batchReply(burst.id))
        }
        for last in lastIDs { command.append(last) }
        let answer = try await redis.ask([command]).first
        var ended: [Int] = []
        for stream in answer?.array ?? [] {
            guard let parts = stream.array, parts.count == 2, let name = parts[0].text,
                let index = bursts.firstIndex(where: {
                    service.keys(in: $0.partition).batchReply($0.id) == name
                })
            else { continue }
            for entry in parts[1].array ?? [] {
                guard let (id, fields) = entry.entry else { continue }
                lastIDs[index] = id
                guard let event = ReplyEvent(fields), event.name == "member",
                    let request = RequestID(event.requestID), let place = places[request]
                else { continue }
                ended.append(place)
            }
        }
        if !ended.isEmpty { try await lookUp(ended, isFirst: false) }
    }
}

/// Asks again for as long as Redis may be away: each command may be sent twice.
struct PatientRedis: Sendable {
    let redis: RedisConnection
    let progress: ProgressLine

    func ask(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        let end = ContinuousClock.now + BatchRun.Limits.outage
        while true {
            do throws(RedisError) {
                return try await redis.pipeline(commands, timeout: .seconds(15))
            } catch {
                guard ContinuousClock.now < end else { throw error }
                progress.say("\(error); it is tried again")
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
