import Contract
import TestSupport
import Testing

struct EntryTests {
    private static let least = [("request_id", "r1"), ("payload", "{}")]

    @Test func `two fields make a request`() throws {
        let request = try RequestEntry(entry(Self.least))
        #expect(request.requestID.text == "r1")
        #expect(request.payload == Array("{}".utf8))
        #expect(request.deadlineMs == nil)
        #expect(!request.wantsAllEvents)
        #expect(request.history.attempt == 1)
        #expect(request.trace.parent == nil && request.trace.state == nil)
    }

    @Test func `every field of the contract is read`() throws {
        let request = try RequestEntry(
            entry([
                ("request_id", "r1"), ("v", "1"), ("type", "generate"), ("payload", "[1]"),
                ("deadline_ms", "2500"), ("events", "all"), ("agent_type", "gpt4_strategy"),
                ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                ("tracestate", "a=b"), ("authorization", "Bearer x"), ("something", "else"),
            ])
        )
        #expect(request.deadlineMs == 2_500)
        #expect(request.wantsAllEvents)
        #expect(request.trace.parent?.hasPrefix("00-4bf9") == true)
        #expect(request.trace.state == "a=b")
    }

    @Test(arguments: [
        [], [("payload", "{}")], [("request_id", "")], [("request_id", "a b"), ("payload", "{}")],
        [("request_id", "a"), ("request_id", "a"), ("payload", "{}")],
        [("request_id", "a"), ("payload", "{}"), ("request_id", "b")],
        [("Request_Id", "a"), ("payload", "{}")],
    ])
    func `an entry that names no request is nameless`(fields: [(String, String)]) {
        #expect(isNameless(entry(fields)))
    }

    @Test func `two request ids are nameless also where another field stands twice before them`() {
        let fields = [
            ("x", "1"), ("x", "2"), ("request_id", "a"), ("request_id", "b"), ("payload", "{}"),
        ]
        #expect(isNameless(entry(fields)))
    }

    @Test(arguments: [
        ("v", "2"), ("v", ""), ("v", "01"), ("type", "usages"),
        ("type", "Generate"), ("type", ""), ("agent_type", "gpt5"), ("agent_type", ""),
        ("deadline_ms", "99"), ("deadline_ms", "3600001"), ("deadline_ms", "-100"),
        ("deadline_ms", ""), ("deadline_ms", "1e3"), ("deadline_ms", "1000.0"),
        ("deadline_ms", " 1000"), ("deadline_ms", "99999999999999999999"), ("deadline_ms", "+1000"),
        ("events", "some"), ("events", ""), ("events", "ALL"),
    ])
    func `a field with a wrong value is named`(name: String, value: String) {
        let found = refusal(of: entry(Self.least + [(name, value)]))
        #expect(found?.rejection.code == .invalidRequest)
        #expect(found?.rejection.field == name)
        #expect(found?.id.text == "r1")
        #expect(found?.rejection.message.contains(value.isEmpty ? "\u{0}" : value) != true)
    }

    @Test(arguments: [("deadline_ms", "100"), ("deadline_ms", "3600000"), ("events", "result")])
    func `a field at its limit is allowed`(name: String, value: String) {
        #expect(refusal(of: entry(Self.least + [(name, value)])) == nil)
    }

    @Test(arguments: [
        "payload", "v", "type", "deadline_ms", "events", "agent_type", "traceparent", "tracestate",
        "authorization", "unknown", "attempt", "batch_id",
    ])
    func `a field that stands twice is named, known or not`(name: String) {
        let value = ["v": "1", "type": "generate", "events": "all"][name] ?? "100"
        let twice = entry([("request_id", "r1"), (name, value), (name, value), ("payload", "{}")])
        #expect(refusal(of: twice)?.rejection.field == name)
        let fields = (0..<60).map { ("f\($0)", "x") } + [("f30", "y")]
        #expect(refusal(of: entry(Self.least + fields))?.rejection.field == "f30")
    }

    @Test func `a name that is repeated is shown without what could harm a terminal`() {
        let name = "\u{1B}[31m" + String(repeating: "n", count: 100)
        let found = refusal(of: entry(Self.least + [(name, "1"), (name, "2")]))
        #expect(found?.rejection.field == "?[31m" + String(repeating: "n", count: 27))
    }

    @Test func `a payload is required, and its size is checked before it is read`() {
        #expect(refusal(of: entry([("request_id", "r1")]))?.rejection.field == "payload")
        let large = entry([("request_id", "r1"), ("payload", String(repeating: "x", count: 11))])
        #expect(refusal(of: large, bytesMax: 11) == nil)
        let found = refusal(of: large, bytesMax: 10)
        #expect(found?.rejection.code == .payloadTooLarge)
        #expect(found?.rejection.field == "payload")
    }

    @Test func `an attempt counts on the retry stream alone, and odd ones are the first`() throws {
        func attempt(_ value: String, on queue: Queue) throws -> Int {
            try RequestEntry(entry(Self.least + [("attempt", value)], on: queue)).history.attempt
        }
        #expect(try attempt("3", on: .normal) == 1)
        #expect(try attempt("3", on: .high) == 1)
        #expect(try attempt("3", on: .retry) == 3)
        for odd in ["0", "-4", "x", "", "99999999999999999999"] {
            #expect(try attempt(odd, on: .retry) == 1, "\(odd)")
        }
        #expect(try attempt("700", on: .retry) == ContractLimits.attemptsMax)
    }

    @Test(arguments: ["", "a\u{0}b", "ä", String(repeating: "a", count: 513)])
    func `a trace header that cannot be one is left out, and harms nothing`(text: String) throws {
        let request = try RequestEntry(
            entry(Self.least + [("traceparent", text), ("tracestate", text)])
        )
        #expect(request.trace.parent == nil && request.trace.state == nil)
    }

    @Test func `a replay names what it asks again`() throws {
        #expect(try RequestEntry(entry(Self.least)).replayOf == nil)
        let replay = try RequestEntry(entry(Self.least + [("replay_of", "lost")]))
        #expect(replay.replayOf?.text == "lost")
        for wrong in ["", "a b", String(repeating: "a", count: 129)] {
            let found = refusal(of: entry(Self.least + [("replay_of", wrong)]))
            #expect(found?.rejection.field == "replay_of", "\(wrong)")
        }
    }

    @Test func `random fields never trap, and a refusal always names its field`() {
        var dice = Dice(seed: 3)
        let names = [
            "request_id", "payload", "v", "type", "deadline_ms", "events", "agent_type", "attempt",
            "traceparent", "replay_of", "",
        ]
        for _ in 0..<20_000 {
            let fields = (0..<dice.roll(9)).flatMap { _ -> [[UInt8]] in
                let noise = (0..<dice.roll(8)).map { _ in UInt8(dice.roll(256)) }
                let name = dice.roll(4) == 0 ? noise : Array(names[dice.roll(names.count)].utf8)
                let values = ["r1", "1", "all", "500", "generate", "{}"]
                let value = dice.roll(3) == 0 ? noise : Array(values[dice.roll(6)].utf8)
                return [name, value]
            }
            let queue = Queue.allCases[dice.roll(4)]
            let id = EntryID(milliseconds: 1, sequence: 1)
            let raw = RawEntry(queue: queue, id: id, fields: fields)
            if let found = refusal(of: raw) { #expect(found.rejection.field != nil) }
            _ = DeadLetter(raw, reason: "noise")
        }
    }
}

struct DeadLetterTests {
    private func fields(_ letter: DeadLetter) -> [String] {
        letter.fields.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `an entry is kept as it was`() {
        let letter = DeadLetter(entry([("a", "1"), ("b", "\u{0}")], on: .low), reason: "why")
        #expect(fields(letter) == ["a", "1", "b", "\u{0}"])
        #expect(letter.bytesCut == 0)
        #expect(letter.queue == .low && letter.reason == "why")
    }

    @Test(arguments: ["authorization", "Authorization", "AUTHORIZATION"])
    func `a token is never kept, however its field is written`(name: String) {
        let letter = DeadLetter(
            entry([(name, "Bearer secret"), ("a", "1"), (name, "Bearer secret")]),
            reason: "why"
        )
        #expect(fields(letter) == ["a", "1"])
    }

    @Test func `what is too large is cut, and counted`() {
        let size = ContractLimits.deadLetterBytesMax
        let letter = DeadLetter(
            entry([("a", String(repeating: "x", count: size * 2)), ("b", "1")]),
            reason: "why"
        )
        let kept = letter.fields.reduce(0) { $0 + $1.count }
        #expect(kept <= size)
        #expect(kept > size - 64)
        #expect(kept + letter.bytesCut == 1 + 2 * size + 2)
    }

    @Test func `no more fields are kept than Lua can pass to one command`() {
        let many = (0..<20_000).map { ("field\($0)", "v") }
        let letter = DeadLetter(entry(many), reason: "why")
        #expect(letter.fields.count == 2 * ContractLimits.deadLetterFieldsMax)
        #expect(letter.fields.count + 10 < 7_900)
        let all = many.reduce(0) { $0 + $1.0.utf8.count + 1 }
        #expect(letter.fields.reduce(0) { $0 + $1.count } + letter.bytesCut == all)
    }

    @Test func `whatever comes, a letter is bounded, in pairs, and loses no byte uncounted`() {
        var dice = Dice(seed: 4)
        for _ in 0..<200 {
            let raw = RawEntry(
                queue: .high,
                id: EntryID(milliseconds: 0, sequence: 0),
                fields: (0..<2 * dice.roll(12)).map { _ in
                    [UInt8](repeating: UInt8(dice.roll(256)), count: dice.roll(60_000))
                }
            )
            let letter = DeadLetter(raw, reason: "")
            let kept = letter.fields.reduce(0) { $0 + $1.count }
            #expect(letter.fields.count.isMultiple(of: 2))
            #expect(kept <= ContractLimits.deadLetterBytesMax)
            #expect(kept + letter.bytesCut == raw.byteCount)
        }
    }
}
