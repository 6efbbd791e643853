import Contract
import Options
import Policy
import TestSupport
import Testing

struct LadderTests {
    private let routes = Route.chain(models: ["big", "small"], endpoints: ["a", "b"])

    private func failed(
        _ ladder: inout Ladder,
        _ fault: CallFault,
        leftMs: Int64 = 10_000
    ) -> Ladder.Step {
        ladder.called()
        return ladder.failed(fault, leftMs: leftMs, chance: 0)
    }

    @Test func `another endpoint goes before another model`() {
        #expect(routes.map(\.endpoint) == ["a", "b", "a", "b"])
        #expect(routes.map(\.model) == ["big", "big", "small", "small"])
        #expect(Ladder(routes).start() == .call(routes[0], .first, afterMs: 0))
        #expect(Ladder([]).start() == .giveUp(.circuitOpen))
    }

    @Test func `what may pass is tried once more, then elsewhere`() {
        var ladder = Ladder(routes)
        #expect(failed(&ladder, .serverError(waitMs: nil)) == .call(routes[0], .again, afterMs: 50))
        #expect(
            failed(&ladder, .serverError(waitMs: nil)) == .call(routes[1], .elsewhere, afterMs: 0)
        )
    }

    @Test func `a wait that is asked for is kept, elsewhere meanwhile where it is long`() {
        var short = Ladder(routes)
        #expect(failed(&short, .rateLimited(waitMs: 700)) == .call(routes[0], .again, afterMs: 700))
        var long = Ladder(routes)
        #expect(
            failed(&long, .rateLimited(waitMs: 5_000)) == .call(routes[1], .elsewhere, afterMs: 0)
        )
        var alone = Ladder([routes[0]])
        #expect(
            failed(&alone, .rateLimited(waitMs: 5_000)) == .call(routes[0], .again, afterMs: 5_000)
        )
        var late = Ladder([routes[0]])
        #expect(
            failed(&late, .rateLimited(waitMs: 5_000), leftMs: 5_100) == .giveUp(.upstreamError)
        )
    }

    @Test(arguments: [
        CallFault.tooLarge, .outOfQuota, .keyRefused, .forbidden, .modelGone, .refusedRequest,
    ])
    func `what no wait can help is never tried again by the same way`(fault: CallFault) {
        var ladder = Ladder(routes)
        guard case .call(let next, .elsewhere, _) = failed(&ladder, fault) else {
            Issue.record("no other way")
            return
        }
        #expect(next != routes[0])
        if fault.isEndpointWide { #expect(next.endpoint == "b") }
        if fault == .modelGone { #expect(next.model == "small") }
    }

    @Test(arguments: [
        (CallFault.refusedContent, Degradation.invalidOutput), (.deadline, .deadline),
    ])
    func `what goes ill everywhere ends the climb`(fault: CallFault, reason: Degradation) {
        var ladder = Ladder(routes)
        #expect(failed(&ladder, fault) == .giveUp(reason))
    }

    @Test func `an answer that cannot be used is asked for anew once, then elsewhere`() {
        var ladder = Ladder(routes)
        ladder.called()
        #expect(ladder.unusable(mayAsk: true, leftMs: 9_000) == .call(routes[0], .anew, afterMs: 0))
        ladder.called()
        #expect(
            ladder.unusable(mayAsk: true, leftMs: 9_000) == .call(routes[1], .elsewhere, afterMs: 0)
        )
        var refusing = Ladder(routes)
        refusing.called()
        #expect(refusing.unusable(mayAsk: false, leftMs: 9_000) == .giveUp(.invalidOutput))
    }

    @Test func `a repeat that the fleet denies goes elsewhere`() {
        var ladder = Ladder(routes)
        _ = failed(&ladder, .brokenOff)
        #expect(ladder.repeatDenied() == .call(routes[1], .elsewhere, afterMs: 0))
        var alone = Ladder([routes[0]])
        _ = failed(&alone, .brokenOff)
        #expect(alone.repeatDenied() == .giveUp(.upstreamError))
    }

    @Test func `closed ways are passed over without a call, and none open says so`() {
        var ladder = Ladder(routes)
        #expect(ladder.closed() == .call(routes[1], .first, afterMs: 0))
        #expect(ladder.closed() == .call(routes[2], .first, afterMs: 0))
        #expect(ladder.closed() == .call(routes[3], .first, afterMs: 0))
        #expect(ladder.closed() == .giveUp(.circuitOpen))
    }

    @Test func `whatever happens, a climb makes four calls at the most, and two by one way`() {
        for seed in 0..<300 {
            var dice = Dice(seed: UInt64(seed))
            var ladder = Ladder(routes)
            var step = ladder.start()
            var calls: [Route: Int] = [:]
            var turns = 0
            while case .call(let route, _, _) = step {
                turns += 1
                switch dice.roll(5) {
                case 0: step = ladder.closed()
                case 1:
                    ladder.called()
                    calls[route, default: 0] += 1
                    step = ladder.unusable(mayAsk: dice.roll(4) > 0, leftMs: 9_000)
                case 2: step = ladder.repeatDenied()
                default:
                    ladder.called()
                    calls[route, default: 0] += 1
                    let faults: [CallFault] = [
                        .rateLimited(waitMs: 20), .overloaded(waitMs: nil), .brokenOff, .modelGone,
                        .keyRefused, .tooLarge, .unreachable, .unintelligible,
                    ]
                    step = ladder.failed(faults[dice.roll(8)], leftMs: 9_000, chance: 0.5)
                }
                #expect(turns < 20)
            }
            #expect(calls.values.reduce(0, +) <= Ladder.Limits.callsMax, "replay with \(seed)")
            #expect(calls.values.allSatisfy { $0 <= 3 }, "replay with \(seed)")
        }
    }
}

struct CallFaultTests {
    @Test(
        arguments: [
            (429, "rate_limit_exceeded", .rateLimited(waitMs: 7)),
            (429, nil, .rateLimited(waitMs: 7)), (429, "slow_down", .slowDown(waitMs: 7)),
            (429, "insufficient_quota", .outOfQuota),
            (429, "credit_balance_exhausted", .outOfQuota),
            (401, "invalid_api_key", .keyRefused), (401, nil, .keyRefused), (403, nil, .forbidden),
            (404, "model_not_found", .modelGone), (404, nil, .refusedRequest),
            (400, "context_length_exceeded", .tooLarge), (400, "invalid_value", .refusedRequest),
            (400, "content_policy_violation", .refusedContent), (400, nil, .refusedRequest),
            (408, nil, .serverError(waitMs: 7)), (409, nil, .serverError(waitMs: 7)),
            (500, "server_error", .serverError(waitMs: 7)), (502, nil, .serverError(waitMs: 7)),
            (503, "server_is_overloaded", .overloaded(waitMs: 7)), (302, nil, .unintelligible),
        ] as [(Int, String?, CallFault)]
    )
    func `status and code together say what it is`(
        status: Int,
        code: String?,
        fault: CallFault
    ) {
        #expect(
            CallFault(status: status, code: code, isTooLarge: false, waitMs: 7, shouldRetry: nil)
                == fault
        )
    }

    @Test func `a request too large for a minute is no matter of waiting`() {
        let fault = CallFault(
            status: 429,
            code: "rate_limit_exceeded",
            isTooLarge: true,
            waitMs: 7,
            shouldRetry: nil
        )
        #expect(fault == .tooLarge && !fault.mayPass)
    }
}

struct RetryAfterTests {
    /// 2026-11-24, 15:00:00 UTC.
    private static let now = UTCInstant(seconds: 1_795_532_400)

    @Test(
        arguments: [
            ("250", nil, nil, 250), ("1500.5", "9", nil, 1_501), (nil, "2", nil, 2_000),
            (nil, "0.25", nil, 250), (nil, "Tue, 24 Nov 2026 15:00:30 GMT", nil, 30_000),
            (nil, "Tue, 24 Nov 2026 14:00:00 GMT", nil, 0),
            (nil, nil, "Please try again in 41.724s.", 41_724),
            (nil, nil, "try again in 1m12s. Visit", 72_000), (nil, nil, "try again in 577ms.", 577),
            (nil, nil, "try again in 6m0s", 360_000), (nil, nil, "try again in 1h2m3s", 3_723_000),
            ("soon", "later", "try again in a while", nil), (nil, nil, nil, nil),
            (nil, "-1", nil, nil),
            (nil, "999999999", nil, 86_400_000), ("", " ", "", nil),
        ] as [(String?, String?, String?, Int64?)]
    )
    func `every form is read, rounded up and bounded; what is none is nil`(
        milliseconds: String?,
        seconds: String?,
        sentence: String?,
        expected: Int64?
    ) {
        let found = RetryAfter.waitMs(
            milliseconds: milliseconds,
            seconds: seconds,
            sentence: sentence,
            now: Self.now
        )
        #expect(found == expected)
    }
}

struct BreakerTests {
    private func standing(
        _ state: Breaker.State = .closed,
        calls: Int = 0,
        failed: Int = 0,
        slow: Int = 0,
        until: Int64 = 0,
        trips: Int = 0
    ) -> Breaker.Standing {
        var standing = Breaker.Standing()
        standing.state = state
        (standing.calls, standing.failed, standing.slow) = (calls, failed, slow)
        (standing.untilMs, standing.trips) = (until, trips)
        return standing
    }

    @Test func `it opens on half the calls failing or most being slow, never on a few`() {
        func move(_ standing: Breaker.Standing) -> Breaker.Move? {
            Breaker.move(standing, nowMs: 0, chance: 0.5)
        }
        #expect(move(standing(calls: 9, failed: 9)) == nil)
        #expect(move(standing(calls: 10, failed: 4)) == nil)
        #expect(move(standing(calls: 10, failed: 5)) == .open(holdMs: 5_000, reason: "errors"))
        #expect(move(standing(calls: 10, slow: 7)) == nil)
        #expect(move(standing(calls: 10, slow: 8)) == .open(holdMs: 5_000, reason: "slow"))
        #expect(move(standing(.open, calls: 99, failed: 99)) == nil)
    }

    @Test func `each time it stays open twice as long, to a bound, and never as all the others`() {
        func hold(_ trips: Int, _ chance: Double) -> Int64 {
            let standing = standing(calls: 10, failed: 10, trips: trips)
            guard case .open(let ms, _)? = Breaker.move(standing, nowMs: 0, chance: chance) else {
                return -1
            }
            return ms
        }
        #expect((0...5).map { hold($0, 0.5) } == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
        #expect(hold(0, 0) == 4_000 && hold(0, 1) == 6_000)
    }

    @Test func `open it refuses until its time, then sends a probe`() {
        let open = standing(.open, until: 100)
        #expect(Breaker.verdict(open, nowMs: 99, chance: 0) == .refuse(untilMs: 100))
        #expect(Breaker.verdict(open, nowMs: 100, chance: 0) == .probe)
        #expect(Breaker.verdict(standing(), nowMs: 0, chance: 0.99) == .go)
    }

    @Test func `a ramp lets through a tenth, then all, and then is over`() {
        let ramp = standing(.ramping)
        func share(_ nowMs: Int64) -> Int {
            (0..<100).count {
                Breaker.verdict(ramp, nowMs: nowMs, chance: Double($0) / 100) == .go
            }
        }
        #expect(share(0) == 10 && share(5_000) == 55 && share(10_000) == 100)
        #expect(Breaker.move(ramp, nowMs: 9_999, chance: 0) == nil)
        #expect(Breaker.move(ramp, nowMs: 10_000, chance: 0) == .close)
        let relapse = standing(.ramping, calls: 4, failed: 2, trips: 1)
        #expect(
            Breaker.move(relapse, nowMs: 0, chance: 0.5) == .open(holdMs: 10_000, reason: "errors")
        )
    }

    @Test func `one call is enough where nobody can mend it by waiting, or a wait is asked for`() {
        func move(_ fault: CallFault, isProbe: Bool = false) -> Breaker.Move? {
            Breaker.move(standing(), after: fault, isProbe: isProbe, chance: 0.5)
        }
        #expect(move(.keyRefused) == .open(holdMs: 300_000, reason: "key_refused"))
        #expect(move(.outOfQuota) == .open(holdMs: 300_000, reason: "out_of_quota"))
        #expect(move(.modelGone) == .open(holdMs: 86_400_000, reason: "model_gone"))
        #expect(
            move(.rateLimited(waitMs: 20_000)) == .open(holdMs: 20_000, reason: "asked_to_wait")
        )
        #expect(move(.rateLimited(waitMs: 200)) == nil && move(.brokenOff) == nil)
        #expect(move(.brokenOff, isProbe: true) == .open(holdMs: 5_000, reason: "errors"))
    }
}
