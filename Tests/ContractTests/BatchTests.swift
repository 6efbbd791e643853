import Contract
import JSON
import TestSupport
import Testing

struct BatchTests {
    @Test func `a burst's member says its batch, its number and its size`() throws {
        let request = try RequestEntry(
            entry([
                ("request_id", "r1"), ("payload", "{}"), ("batch_id", "b:1"), ("batch_index", "3"),
                ("batch_size", "7"),
            ])
        )
        let member = try #require(request.member)
        #expect(member.batchID.text == "b:1" && member.index == 3 && member.size == 7)
        #expect(member.envelope == nil && member.text == "3 7 b:1")
        #expect(request.mayWaitLong)
        #expect(BatchMember(member.text) == member)
    }

    @Test func `a member that stood in an envelope names it`() throws {
        let request = try RequestEntry(
            entry([
                ("request_id", "r1"), ("payload", "{}"), ("batch_id", "b"), ("batch_index", "0"),
                ("batch_size", "1"), ("batch_envelope", "e"),
            ])
        )
        #expect(request.member?.text == "0 1 b e")
        #expect(BatchMember("0 1 b e") == request.member)
    }

    @Test(arguments: ["", "0 1", "x 1 b", "0 1 b ", "0 1 b e f", "0 1 b/c"])
    func `what is no place is none`(text: String) {
        #expect(BatchMember(text) == nil)
    }

    @Test(arguments: [
        ("batch_id", "a b"), ("batch_id", ""), ("batch_index", "7"), ("batch_index", "-1"),
        ("batch_index", "1.0"), ("batch_index", ""), ("batch_size", "0"), ("batch_size", "100001"),
        ("batch_size", "99999999999999999999"),
    ])
    func `a wrong field of a batch is named`(name: String, value: String) {
        var fields = ["batch_id": "b", "batch_index": "3", "batch_size": "7"]
        fields[name] = value
        let whole =
            [("request_id", "r1"), ("payload", "{}")]
            + fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        #expect(refusal(of: entry(whole))?.rejection.field == name)
    }

    @Test(arguments: ["batch_id", "batch_index", "batch_size"])
    func `a field of a batch that is missing is named`(name: String) {
        let fields = [("batch_id", "b"), ("batch_index", "3"), ("batch_size", "7")]
        let some = [("request_id", "r1"), ("payload", "{}")] + fields.filter { $0.0 != name }
        #expect(refusal(of: entry(some))?.rejection.field == name)
    }

    @Test func `a refused entry still counts in its batch`() throws {
        let raw = entry([
            ("request_id", "r1"), ("payload", "{}"), ("events", "some"), ("batch_id", "b"),
            ("batch_index", "0"), ("batch_size", "2"),
        ])
        do throws(EntryDefect) {
            _ = try RequestEntry(raw)
            Issue.record("it is refused")
        } catch {
            guard case .refused(_, _, _, _, let member, _) = error else {
                Issue.record("it names a request")
                return
            }
            #expect(member?.text == "0 2 b")
        }
    }

    @Test func `an envelope may be larger than a request`() {
        let payload = String(repeating: " ", count: ContractLimits.payloadBytesMax) + "{}"
        let fields = [("request_id", "r1"), ("payload", payload)]
        #expect(refusal(of: entry(fields))?.rejection.code == .payloadTooLarge)
        #expect(refusal(of: entry(fields + [("type", "batch")])) == nil)
    }

    private static func read(_ text: String, membersMax: Int = 3) throws -> BatchRequest {
        var parser = JSONParser()
        let envelope = try #require(RequestID("e1"))
        return try BatchRequest(
            parser.parse(Array(text.utf8)),
            envelope: envelope,
            membersMax: membersMax
        )
    }

    @Test func `a batch is read as far as it must be known`() throws {
        let batch = try Self.read(
            """
            {"user_id":"u","batch_id":"b1","batch_priority":"high","requests":[
             {"request_id":"m0","user_id":"u","x":1.5},{"request_id":"m1","user_id":"v"}]}
            """
        )
        #expect(batch.userID == "u" && batch.batchID.text == "b1" && batch.priority == .high)
        #expect(batch.members.map(\.requestID.text) == ["m0", "m1"])
        #expect(batch.members.map(\.userID) == ["u", "v"])
        let first = #"{"request_id":"m0","user_id":"u","x":1.5}"#
        #expect(batch.members[0].payload == Array(first.utf8))
    }

    @Test func `a batch without a priority is one of low`() throws {
        let batch = try Self.read(
            #"{"user_id":"u","batch_id":"b","requests":[{"request_id":"m","user_id":"u"}]}"#
        )
        #expect(batch.priority == .low)
    }

    @Test(arguments: [
        (#"[]"#, "payload"),
        (#"{"batch_id":"b","requests":[]}"#, "/user_id"),
        (#"{"user_id":"u","requests":[]}"#, "/batch_id"),
        (#"{"user_id":"u","batch_id":"b c","requests":[]}"#, "/batch_id"),
        (#"{"user_id":"u","batch_id":"b"}"#, "/requests"),
        (#"{"user_id":"u","batch_id":"b","requests":[]}"#, "/requests"),
        (#"{"user_id":"u","batch_id":"b","requests":[{},{},{},{}]}"#, "/requests"),
        (
            #"{"user_id":"u","batch_id":"b","batch_priority":"retry","requests":[]}"#,
            "/batch_priority"
        ),
        (#"{"user_id":"u","batch_id":"b","requests":[1]}"#, "/requests/0"),
        (#"{"user_id":"u","batch_id":"b","requests":[{"user_id":"u"}]}"#, "/requests/0/request_id"),
        (#"{"user_id":"u","batch_id":"b","requests":[{"request_id":"m"}]}"#, "/requests/0/user_id"),
        (
            #"{"user_id":"u","batch_id":"b","requests":[{"request_id":"e1","user_id":"u"}]}"#,
            "/requests/0/request_id"
        ),
        (
            #"{"user_id":"u","batch_id":"b","requests":[{"request_id":"m","user_id":"u"},"#
                + #"{"request_id":"m","user_id":"u"}]}"#,
            "/requests/1/request_id"
        ),
    ])
    func `what is wrong with a batch is named, member by member`(text: String, field: String) {
        #expect {
            _ = try Self.read(text)
        } throws: { error in
            (error as? Rejection)?.field == field
        }
    }
}

struct CancelTests {
    private static func order(_ fields: [(String, String)]) -> CancelOrder? {
        CancelOrder(fields.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] })
    }

    @Test func `an order names one request, and who gave it`() throws {
        let order = try #require(Self.order([("request_id", "r1"), ("by", "de\"sk")]))
        #expect(order.target == .request(try #require(RequestID("r1"))))
        #expect(order.cancellation.by == Array(#""de\"sk""#.utf8))
        #expect(order.cancellation.payload == Array(#"{"by":"de\"sk","cost_usd":0}"#.utf8))
    }

    @Test func `an order names one batch, and may be nobody's`() throws {
        let order = try #require(Self.order([("batch_id", "b1")]))
        #expect(order.target == .batch(try #require(BatchID("b1"))))
        #expect(order.cancellation.by == Array("null".utf8))
    }

    @Test(arguments: [
        [], [("by", "desk")], [("request_id", "a b")], [("batch_id", "")],
        [("request_id", "r"), ("batch_id", "b")],
    ])
    func `what names neither one request nor one batch is no order`(fields: [(String, String)]) {
        #expect(Self.order(fields) == nil)
    }

    @Test func `a long name is told as far as it may be long`() throws {
        let order = try #require(
            Self.order([("batch_id", "b"), ("by", String(repeating: "x", count: 5_000))])
        )
        #expect(order.cancellation.by.count == Cancellation.nameBytesMax + 2)
    }
}
