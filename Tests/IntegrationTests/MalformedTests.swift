import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// Entries as no orchestrator should send them.
    struct Malformed {
        @Test func `ten thousand malformed entries are each ended once, and memory stays flat`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let client = try Orchestrator(stack)
                    var mill = Mill(seed: 11)
                    // The first thousand are what warms the worker up.
                    try await grind(&mill, 1_000, "warm", client)
                    let before = worker.residentBytes
                    try await grind(&mill, 10_000, "bad", client)
                    #expect(worker.residentBytes - before < 24 << 20)
                    #expect(try await client.ask("good-1").name == "result")
                    // No malformed entry has cost a call.
                    #expect(worker.metric(Self.calls) == 1)
                    #expect(worker.exitStatus == nil)
                    #expect(!worker.log.contains("\"level\":\"error\""))
                }
            }
        }

        private static let calls = "strategy_worker_model_calls_total{outcome=\"success\"}"

        /// Adds so many, waits until nothing is left, and counts what became of them.
        private func grind(
            _ mill: inout Mill,
            _ count: Int,
            _ prefix: String,
            _ client: Orchestrator
        ) async throws {
            var (named, nameless): ([String], Int) = ([], 0)
            var commands: [[[UInt8]]] = []
            let buried = try client.redis.ask("XLEN", "strategy:{0}:dead").int ?? 0
            for number in 0..<count {
                let entry = mill.entry(named: "\(prefix)-\(number)")
                if entry.isNamed { named.append("\(prefix)-\(number)") } else { nameless += 1 }
                commands.append(Orchestrator.adding(entry.fields))
                if commands.count == 64 || number == count - 1 {
                    for reply in try client.redis.askAll(commands) {
                        #expect(reply.string != nil, "\(reply)")
                    }
                    commands = []
                }
            }
            try await client.untilAllIsDone()
            #expect(named.count > count / 3 && nameless > count / 10)
            let (some, several) = try client.answered(named)
            #expect(some == named.count && several == 0)
            let letters = try client.redis.ask("XLEN", "strategy:{0}:dead").int ?? 0
            #expect(letters - buried == nameless)
            for id in named.shuffled().prefix(300) {
                let answer = try #require(try client.events(id).last)
                #expect(answer.name == "rejected")
                #expect(["invalid_request", "payload_too_large"].contains(answer.code))
                #expect((answer.payload["field"] as? String)?.isEmpty == false)
            }
        }

        @Test
        func `an entry larger than any answer of Redis is refused, and its neighbours served`()
            async throws
        {
            try await Stack.run { stack in
                try await stack.withWorker(["MAX_CONCURRENT_REQUESTS": "20"]) { worker in
                    let client = try Orchestrator(stack)
                    let before = try client.submit(10, "before")
                    let giant = [UInt8](repeating: UInt8(ascii: "x"), count: 130 << 20)
                    let (id, payload) = (Array("request_id".utf8), Array("payload".utf8))
                    try client.redis.ask(
                        Orchestrator.adding([(id, Array("giant".utf8)), (payload, giant)])
                    )
                    let after = try client.submit(10, "after")
                    let answer = try await client.answer(to: "giant")
                    #expect(answer.code == "payload_too_large")
                    try await client.untilAllIsDone()
                    #expect(try client.answered(before + after) == (20, 0))
                    #expect(worker.exitStatus == nil)
                }
            }
        }

        @Test func `many large entries are read a few at a time`() async throws {
            try await Stack.run { stack in
                let changes = ["MAX_CONCURRENT_REQUESTS": "500"]
                let client = try Orchestrator(stack)
                let large = [UInt8](repeating: UInt8(ascii: "x"), count: 4 << 20)
                let (id, payload) = (Array("request_id".utf8), Array("payload".utf8))
                let ids = (0..<40).map { "large-\($0)" }
                for name in ids {
                    try client.redis.ask(
                        Orchestrator.adding([(id, Array(name.utf8)), (payload, large)])
                    )
                }
                try await stack.withWorker(changes) { worker in
                    try await client.untilAllIsDone()
                    #expect(try client.answered(ids) == (40, 0))
                    #expect(worker.residentBytes < 600 << 20)
                }
            }
        }
    }
}

/// Makes malformed entries of every kind, by seed.
private struct Mill {
    private var dice: Dice

    init(seed: UInt64) { dice = Dice(seed: seed) }

    struct Entry {
        let fields: [([UInt8], [UInt8])]
        /// It names a request, so that somebody can be told.
        let isNamed: Bool
    }

    mutating func entry(named id: String) -> Entry {
        let seed = Array(seedPayload.utf8)
        switch dice.roll(14) {
        case 0: return named(id, Array(seed.prefix(1 + dice.roll(seed.count - 1))))
        case 1: return named(id, wrongType())
        case 2 where dice.roll(20) == 0: return named(id, noise(300_000))
        case 2, 3: return named(id, noise(dice.roll(400)))
        case 4:
            let depth = 20 + dice.roll(5_000)
            return named(id, Array(repeating: UInt8(ascii: "["), count: depth))
        case 5:
            let twice = seedPayload.replacing("\"user_id\"", with: "\"user_id\":\"a\",\"user_id\"")
            return named(id, Array(twice.utf8))
        case 6: return Entry(fields: [pair("request_id", id)], isNamed: true)
        case 7: return Entry(fields: [pair("payload", seedPayload)], isNamed: false)
        case 8:
            let fields = [pair("request_id", id), pair("request_id", id), pair("payload", "{}")]
            return Entry(fields: fields, isNamed: false)
        case 9: return Entry(fields: named(id, seed).fields + twice(), isNamed: true)
        case 10:
            let wrong = [
                ("v", "2"), ("type", "batch"), ("deadline_ms", "never"), ("events", "some"),
                ("agent_type", "other"),
            ][dice.roll(5)]
            return Entry(fields: named(id, seed).fields + [pair(wrong.0, wrong.1)], isNamed: true)
        case 11:
            let name = [id + " ", "", id + "\u{E9}", String(repeating: "n", count: 129)][
                dice.roll(4)
            ]
            return Entry(fields: [pair("request_id", name), pair("payload", "{}")], isNamed: false)
        case 12 where dice.roll(10) == 0:
            let many = (0..<1_500).map { pair("f\($0)", "v") }
            return Entry(fields: many, isNamed: false)
        default: return Entry(fields: [(noise(20), noise(200))], isNamed: false)
        }
    }

    private mutating func wrongType() -> [UInt8] {
        let changes = [
            ("450.0", "\"450\""), ("\"SPY\",", "7,"), ("\"user123\"", "null"), ("450.0", "-1"),
            ("18.5", "[]"), ("\"bullish\"", "\"up\""), ("1000", "{}"), ("{}", "\"\""),
        ]
        let (piece, other) = changes[dice.roll(changes.count)]
        return Array(seedPayload.replacing(piece, with: other).utf8)
    }

    private mutating func twice() -> [([UInt8], [UInt8])] {
        let name = ["payload", "v", "type", "anything"][dice.roll(4)]
        return [pair(name, "1"), pair(name, "1")]
    }

    /// Random bytes, of which the first can begin no JSON value.
    private mutating func noise(_ count: Int) -> [UInt8] {
        [UInt8(ascii: "?")] + (0..<count).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
    }

    private func named(_ id: String, _ payload: [UInt8]) -> Entry {
        Entry(fields: [pair("request_id", id), (Array("payload".utf8), payload)], isNamed: true)
    }

    private func pair(_ name: String, _ value: String) -> ([UInt8], [UInt8]) {
        (Array(name.utf8), Array(value.utf8))
    }
}
