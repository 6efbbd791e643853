import Contract
import Gateways
import Supervisor
import Telemetry
import TestSupport
import Testing

/// What a supervisor decides, from facts alone.
struct DecisionTests {
    @Test func `nothing is taken back until Redis has answered for twice a heartbeat's time`() {
        var grace = Grace(heartbeatTTL: .seconds(5))
        let start = ContinuousClock.now
        #expect(!grace.isOver(at: start))
        for second in 0...9 {
            grace.answered(at: start + .seconds(second), uptime: .seconds(100))
            #expect(!grace.isOver(at: start + .seconds(second)), "\(second)")
        }
        grace.answered(at: start + .seconds(10), uptime: .seconds(100))
        #expect(grace.isOver(at: start + .seconds(10)))
    }

    @Test func `a gap, a lost answer and a young Redis each begin it anew`() {
        let start = ContinuousClock.now
        func answered(_ grace: inout Grace, _ seconds: ClosedRange<Int>, uptime: Int = 100) {
            for second in seconds {
                grace.answered(at: start + .seconds(second), uptime: .seconds(uptime))
            }
        }
        var gap = Grace(heartbeatTTL: .seconds(5))
        answered(&gap, 0...10)
        answered(&gap, 15...24)
        #expect(!gap.isOver(at: start + .seconds(24)))
        answered(&gap, 25...25)
        #expect(gap.isOver(at: start + .seconds(25)))

        var missed = Grace(heartbeatTTL: .seconds(5))
        answered(&missed, 0...10)
        missed.missed()
        #expect(!missed.isOver(at: start + .seconds(10)))
        answered(&missed, 11...20)
        #expect(!missed.isOver(at: start + .seconds(20)))

        var young = Grace(heartbeatTTL: .seconds(5))
        answered(&young, 0...20, uptime: 9)
        #expect(!young.isOver(at: start + .seconds(20)))
        answered(&young, 21...21, uptime: 10)
        #expect(young.isOver(at: start + .seconds(21)))
    }

    @Test func `a lease is taken, kept and lost, and a late refusal takes no newer one away`() {
        let (first, second) = (Supervision.Token(number: 1), Supervision.Token(number: 2))
        var leadership = Leadership()
        #expect(leadership.asked(nil) == .none)
        #expect(leadership.asked(first) == .taken)
        #expect(leadership.asked(first) == .none)
        #expect(leadership.asked(second) == .taken)
        #expect(leadership.fenced(first) == .none)
        #expect(leadership.token == second)
        #expect(leadership.fenced(second) == .lost)
        #expect(leadership.token == nil)
        #expect(leadership.asked(second) == .taken)
        #expect(leadership.asked(nil) == .lost)
    }

    private func books(
        _ counters: [String: Int],
        open: Int = 0,
        added: Int = 0,
        length: Int = 0
    ) -> Measurement {
        let stream = Measurement.Stream(
            added: added,
            length: length,
            pending: 0,
            lag: nil,
            lastDelivered: EntryID(milliseconds: 0, sequence: 0),
            oldestWaiting: nil,
            hasGroup: true
        )
        return Measurement(
            nowMs: 0,
            counters: counters,
            openRequests: open,
            streams: [.low: stream]
        )
    }

    @Test func `what was added has left by a way that is counted, or is there`() {
        let ways = [
            "finished", "dead", "requeued", "released", "duplicate", "ghosts", "unacknowledged",
        ]
        let all = ways.enumerated().reduce(into: [String: Int]()) { all, way in
            all["\(way.element):low"] = way.offset + 1
            all["\(way.element):high"] = 1_000
        }
        #expect(Conservation.drift(books(all, added: 33, length: 5))[.low] == 0)
        #expect(Conservation.drift(books(all, added: 34, length: 5))[.low] == 1)
        #expect(Conservation.drift(books(all, added: 33, length: 7))[.low] == -2)
        let requests = ["admitted": 10, "ended": 4, "parked": 2, "refused": 9]
        #expect(Conservation.drift(books(requests, open: 6))[.requests] == 0)
        #expect(Conservation.drift(books(requests, open: 5))[.requests] == 1)
    }

    @Test func `a drift is told when it stands twice, once, and again when it has changed`() {
        var watch = DriftWatch()
        #expect(watch.seen([.low: 1]).isEmpty)
        #expect(watch.seen([.low: 1]) == [.low: 1])
        #expect(watch.seen([.low: 1]).isEmpty)
        #expect(watch.seen([.low: 2]).isEmpty)
        #expect(watch.seen([.low: 2]) == [.low: 2])
        #expect(watch.seen([.low: 0]).isEmpty)
        #expect(watch.seen([.low: 0]).isEmpty)
        #expect(watch.seen([.low: 2]).isEmpty)
        #expect(watch.seen([.low: 2]) == [.low: 2])
    }

    @Test func `what waits is what is there and nobody has, and Redis' word is checked against it`()
    {
        func backlog(length: Int, pending: Int, lag: Int?, oldest: UInt64?) -> Backlog {
            Backlog(
                .init(
                    added: length,
                    length: length,
                    pending: pending,
                    lag: lag,
                    lastDelivered: EntryID(milliseconds: 0, sequence: 0),
                    oldestWaiting: oldest.map { EntryID(milliseconds: $0, sequence: 0) },
                    hasGroup: true
                ),
                nowMs: 5_000
            )
        }
        let known = backlog(length: 10, pending: 4, lag: 6, oldest: 2_000)
        #expect(known.waiting == 6 && known.inFlight == 4 && known.isLagKnown)
        #expect(known.oldestAgeMs == 3_000)
        #expect(!backlog(length: 10, pending: 4, lag: nil, oldest: nil).isLagKnown)
        #expect(!backlog(length: 10, pending: 4, lag: 5, oldest: 9_000).isLagKnown)
        #expect(backlog(length: 10, pending: 4, lag: 5, oldest: 9_000).oldestAgeMs == 0)
        #expect(backlog(length: 1, pending: 2, lag: 0, oldest: nil).waiting == 0)
    }

    @Test func `a call's reservation names its request, whatever colons that has`() throws {
        let name = try #require(ReservationName("3:a:b:1:7:2"))
        #expect(name.partition == 3 && name.requestID.text == "a:b:1")
        #expect(name.attempt == 7 && name.call == 2)
        for wrong in ["", "3", "3:a:1", "x:a:1:2", "3:a:b:1", "3::1:2", "3:a b:1:2"] {
            #expect(ReservationName(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `a reservation is settled by what became of its attempt`() throws {
        let name = try #require(ReservationName("0:r1:2:1"))
        func settled(_ record: Supervision.Record?) -> Int64? {
            name.settlement(of: NanoUSD(100), record)?.amount
        }
        #expect(settled(nil) == 100)
        #expect(settled(record("running", attempt: 2)) == nil)
        #expect(settled(record("parked", attempt: 2)) == nil)
        #expect(settled(record("waiting", attempt: 2)) == 100)
        #expect(settled(record("running", attempt: 3)) == 100)
        #expect(settled(record("ended", attempt: 2, cost: 40, code: "result")) == 40)
        #expect(settled(record("ended", attempt: 2, cost: 400, code: "result")) == 100)
        #expect(settled(record("ended", attempt: 2, cost: 0, code: "invalid_request")) == 0)
        #expect(settled(record("ended", attempt: 2, cost: 0, code: "attempts_exhausted")) == 100)
        #expect(settled(record("ended", attempt: 3, cost: 40, code: "result")) == 100)
    }

    @Test func `an overdue request is taken from its worker, ended, or left a while`() throws {
        let id = try #require(RequestID("r1"))
        func step(_ state: String?, late ms: Int64, owner: String? = "w") -> OverdueStep {
            OverdueStep(
                .init(requestID: id, deadlineMs: 100_000 - ms),
                state.map { record($0, attempt: 2, owner: owner) },
                nowMs: 100_000
            )
        }
        let held = Supervision.HeldEntry(
            queue: .high,
            id: EntryID(milliseconds: 1, sequence: 2),
            owner: "w",
            requestID: id
        )
        #expect(step("running", late: 10_001) == .takeBack(held))
        #expect(step("parked", late: 10_001) == .takeBack(held))
        #expect(step("running", late: 10_000) == .leave)
        #expect(step("running", late: 10_001, owner: nil) == .abandon(OverdueStep.nobody))
        #expect(step(nil, late: 10_001) == .abandon(OverdueStep.nobody))
        #expect(step(nil, late: 9_000) == .leave)
        guard case .abandon(let failure) = step("waiting", late: 5_001) else {
            Issue.record("a request that waits unread is ended")
            return
        }
        #expect(failure.code == .deadline)
    }

    @Test func `who cannot be tried again is told why, in the contract's words`() {
        func code(
            _ why: Supervision.Hopelessness,
            _ reason: SupervisorMetrics.Reason = .dead
        ) -> FailureCode {
            let end = Hopeless(why, because: reason, attempts: 5)
            #expect(end.label.rawValue == end.failure.code.rawValue)
            return end.failure.code
        }
        #expect(code(.exhausted) == .attemptsExhausted)
        #expect(code(.exhausted, .overdue) == .deadline)
        #expect(code(.poison) == .poison)
        #expect(code(.unwieldy) == .internal)
    }

    private func record(
        _ state: String,
        attempt: Int,
        cost: Int64 = 0,
        code: String = "",
        owner: String? = nil
    ) -> Supervision.Record {
        Supervision.Record(
            state: state,
            user: "u",
            payloadHash: "h",
            attempt: attempt,
            entry: EntryID(milliseconds: 1, sequence: 2),
            queue: .high,
            owner: owner,
            cost: NanoUSD(cost),
            code: code
        )
    }
}
