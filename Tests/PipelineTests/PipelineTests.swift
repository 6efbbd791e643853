import Contract
import Foundation
import Options
import Pipeline
import Policy
import TestSupport
import Testing

struct PipelineTests {
    @Test func `a request passes the stages in their order, and is answered once`() async throws {
        let bench = Bench()
        #expect(try await bench.run(entry()) == .committed)
        let stages = [
            "decode", "started", "screen", "screened pass", "admit", "enrich", "propose", "judge",
            "ask", "settle", "ended",
        ]
        #expect(bench.watch.notes == stages)
        #expect(bench.commits.count == 1)
        #expect(bench.letters.isEmpty && bench.announced.isEmpty && bench.waits.isEmpty)
        let event = try #require(bench.commits.first)
        #expect(event.kind == .result)
        #expect(event.entryID == entry().id && event.queue == .normal)
        #expect(event.address.requestID.text == "r1" && event.address.attempt == 1)
        #expect(event.replyTTLMs == 600_000)
    }

    @Test func `a refusal is answered without asking a model`() async throws {
        let bench = Bench()
        let receipt = try await bench.run(entry([("request_id", "r1"), ("payload", "{}")]))
        #expect(receipt == .committed)
        #expect(bench.watch.notes == ["decode", "settle", "ended"])
        #expect(bench.model.asked.isEmpty)
        let payload = try members(bench.commits.first)
        #expect(bench.commits.first?.kind == .rejected)
        #expect(payload["code"] as? String == "invalid_request")
        #expect(payload["field"] as? String == "/user_id")
    }

    @Test func `an entry that names nobody is buried, and nobody is answered`() async throws {
        let bench = Bench()
        let fields = [("payload", soundPayload), ("authorization", "Bearer x")]
        #expect(try await bench.run(entry(fields)) == .buried)
        #expect(bench.commits.isEmpty && bench.model.asked.isEmpty)
        let letter = try #require(bench.letters.first)
        #expect(letter.reason.contains("request_id"))
        #expect(letter.fields.count == 2)
    }

    @Test func `trace context and attempt go with the answer`() async throws {
        let bench = Bench()
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        _ = try await bench.run(
            entry(
                adding: ("traceparent", parent),
                ("tracestate", "a=b"),
                ("attempt", "3"),
                on: .retry
            )
        )
        let address = try #require(bench.commits.first?.address)
        #expect(address.trace.parent == parent && address.trace.state == "a=b")
        #expect(address.attempt == 3)
        #expect(bench.model.asked.first?.terms.address.trace.parent == parent)
    }

    @Test
    func `who asks for all events is told that his request was accepted, and what may be had`()
        async throws
    {
        let bench = Bench()
        _ = try await bench.run(entry(adding: ("events", "all"), ("deadline_ms", "1000")))
        #expect(bench.announced.map(\.kind) == [.accepted, .provisional])
        let event = try #require(bench.announced.first)
        #expect(event.expiresAtMs == Bench.noon + 1_000 + 600_000)
        #expect(
            String(decoding: event.payload, as: UTF8.self)
                == #"{"worker":"worker-1","limits":{"tier":"free","requests_left":9,"#
                + #""cost_left_usd":0.9,"resets_at":1795536000000}}"#
        )
        let provisional = try JSONSerialization.jsonObject(with: Data(bench.announced[1].payload))
        let first = try #require(provisional as? [String: Any])
        #expect(first["source"] as? String == "rule_based" && first["degraded"] is NSNull)
        #expect(first["strategy"] is [String: Any])
        #expect((first["usage"] as? [String: Any])?["cost_usd"] as? Double == 0)
    }

    @Test func `a model is told the facts and the words, and nothing of the user or his account`()
        async throws
    {
        let bench = Bench()
        _ = try await bench.run(entry())
        let question = try #require(bench.model.asked.first).question
        #expect(question.facts.symbol == "SPY" && question.facts.spot.dollars == 450)
        #expect(question.facts.maxLoss == 1_000)
        #expect(question.intent == "income, please")
        #expect(question.outputTokensMax == 60)
        #expect(question.candidates.count >= 3 && question.facts.expiries.isEmpty)
        var shown = ""
        dump(question, to: &shown)
        #expect(!shown.contains("user123") && !shown.contains("31337"))
    }

    @Test func `expiries on offer are monthly ones some weeks away`() async throws {
        let bench = Bench.custom()
        _ = try await bench.answer(customPayload)
        let facts = try #require(bench.model.asked.first?.question.facts)
        let expiries = facts.expiries.map(\.description)
        #expect(expiries == ["2026-12-18", "2027-01-15", "2027-02-19", "2027-03-19"])
    }
}

struct DeadlineTests {
    @Test(arguments: [
        (Queue.normal, nil, 30_000), (.high, nil, 30_000), (.low, nil, 3_600_000),
        (.low, "500", 500), (.normal, "3600000", 3_600_000),
    ])
    func `a deadline counts from the entry's id`(
        queue: Queue,
        field: String?,
        patience: Int64
    ) async throws {
        var fields = [("request_id", "r1"), ("payload", soundPayload)]
        if let field { fields.append(("deadline_ms", field)) }
        let late = Bench(clock: FakeClock(at: Bench.noon + patience))
        #expect(try await late.run(entry(fields, on: queue)) == .committed)
        #expect(late.model.asked.isEmpty)
        #expect(try members(late.commits.first)["code"] as? String == "deadline_passed")
        let justInTime = Bench(clock: FakeClock(at: Bench.noon + patience - 50))
        _ = try await justInTime.run(entry(fields, on: queue))
        #expect(justInTime.commits.first?.kind == .result)
        #expect(try #require(justInTime.model.asked.first).terms.timeLeftMs <= 50)
    }

    @Test func `a model is given what is left, less a margin for the answer's way`() async throws {
        let bench = Bench(clock: FakeClock(at: Bench.noon + 10_000))
        _ = try await bench.run(entry())
        #expect(try #require(bench.model.asked.first).terms.timeLeftMs == 19_900)
    }

    @Test func `an id ahead of the clock counts from its delivery, and one far ahead never traps`()
        async throws
    {
        for ahead: UInt64 in [1_001, 60_000, UInt64(Int64.max), .max] {
            let (id, _) = UInt64(Bench.noon).addingReportingOverflow(ahead)
            let raw = RawEntry(
                queue: .normal,
                id: EntryID(milliseconds: ahead > 1 << 62 ? ahead : id, sequence: .max),
                fields: entry().fields
            )
            let bench = Bench()
            _ = try await bench.run(raw)
            #expect(bench.commits.first?.kind == .result)
            #expect(try #require(bench.model.asked.first).terms.timeLeftMs == 29_900)
        }
    }

    @Test func `an id a little ahead is taken as it is`() async throws {
        let bench = Bench()
        _ = try await bench.run(entry(aheadMs: 1_000))
        #expect(try #require(bench.model.asked.first).terms.timeLeftMs == 30_900)
    }

    @Test func `an id from long ago has passed its deadline`() async throws {
        let bench = Bench()
        let old = RawEntry(
            queue: .normal,
            id: EntryID(milliseconds: 0, sequence: 1),
            fields: entry().fields
        )
        _ = try await bench.run(old)
        #expect(try members(bench.commits.first)["code"] as? String == "deadline_passed")
    }

    @Test func `a deadline that passes between two stages is answered by rule, without a call`()
        async throws
    {
        let clock = FakeClock(at: Bench.noon)
        let bench = Bench(clock: clock, fleet: FakeFleet(whenAsked: { clock.move(by: 400) }))
        _ = try await bench.run(entry(adding: ("deadline_ms", "400")))
        #expect(bench.model.asked.isEmpty)
        let answer = try members(bench.commits.first)
        #expect(answer["degraded"] as? String == "deadline")
        #expect(answer["source"] as? String == "rule_based")
    }

    @Test func `times are told by the store's clock`() async throws {
        let clock = FakeClock(at: Bench.noon + 40)
        let model = FakeModel { _ in
            clock.move(by: 1_500)
            return .answer(
                .init(proposal: Array(soundChoice.utf8), modelName: "m", spend: .unknown)
            )
        }
        let bench = Bench(model: model, clock: clock)
        _ = try await bench.run(entry())
        let timing = try #require(try members(bench.commits.first)["timing"] as? [String: Int])
        #expect(timing == ["queued_ms": 40, "model_ms": 1_500, "total_ms": 1_540])
    }
}

struct PartitionedIntakeTests {
    @Test func `a request in another partition than its user's is turned away, naming the user`()
        async throws
    {
        let right = Partition.of(userID: "user123", count: 8)
        var bench = Bench()
        bench.partitions = 8
        bench.partition = right
        _ = try await bench.run(entry())
        #expect(bench.commits.first?.kind == .result)
        var other = Bench()
        other.partitions = 8
        other.partition = (right + 1) % 8
        _ = try await other.run(entry())
        let payload = try members(other.commits.first)
        #expect(payload["code"] as? String == "invalid_request")
        #expect(payload["field"] as? String == "user_id")
        #expect(other.model.asked.isEmpty)
    }
}
