import Contract
import Desk
import Program
import Supervisor
import Telemetry
import Testing

@Suite struct DeskTests {
    private static let edges: [Double] = [1, 2, 4]

    @Test func `percentiles lie between the edges of their bucket`() {
        func value(_ share: Double, _ numbers: [UInt64]) -> Double? {
            Percentiles.value(at: share, of: numbers, edges: Self.edges)
        }
        #expect(value(0.5, [0, 0, 0, 0]) == nil)
        #expect(value(0.5, [10, 0, 0, 0]) == 0.5)
        #expect(value(1, [10, 0, 0, 0]) == 1)
        #expect(value(0.5, [0, 10, 0, 0]) == 1.5)
        #expect(value(0.75, [5, 0, 5, 0]) == 3)
        // What is beyond the last edge is at least that long.
        #expect(value(0.99, [1, 0, 0, 9]) == 4)
    }

    @Test func `rates are those of the last seconds; counters that fall begin anew`() {
        var history = FleetHistory()
        var figures = FleetMetrics.Figures()
        history.add(figures, at: 0)
        #expect(history.samples.last?.rates.endedPerSecond == nil)
        for second in 1...20 {
            figures.counts.add([
                "ends:result:": 9, "ends:failed:internal": 1, "time:normal:1": 9,
                "cost:user": 1_000_000_000,
            ])
            figures.waiting = [.high: second]
            history.add(figures, at: Int64(second) * 1_000)
        }
        let rates = history.samples.last?.rates
        #expect(rates?.endedPerSecond == 10)
        #expect(rates?.errorsPerSecond == 1)
        #expect(rates?.dollarsPerMinute == 60)
        #expect(rates?.seconds50 == 0.025)
        #expect(history.samples.last?.waiting == 20)
        // Another Redis, or one that was emptied.
        history.add(FleetMetrics.Figures(), at: 21_000)
        #expect(history.samples.last?.rates.endedPerSecond == nil)
    }

    @Test func `what is kept is bounded`() {
        var history = FleetHistory()
        for second in 0..<2_000 { history.add(FleetMetrics.Figures(), at: Int64(second) * 1_000) }
        #expect(history.samples.count == FleetHistory.Limits.samplesMax)
        #expect(history.samples.last?.at == 1_999_000)
    }
}

@Suite struct SessionTests {
    @Test func `a token matches itself alone, and is never printed`() {
        let token = ConsoleToken("0123456789abcdef")
        #expect(token.matches("0123456789abcdef"))
        for other in ["", "0", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
            #expect(!token.matches(other), "\(other)")
        }
        #expect("\(token)" == "[secret]" && String(reflecting: token) == "[secret]")
    }

    @Test func `a session ends after a working day, or when it is closed`() {
        let sessions = Sessions()
        let now = ContinuousClock.now
        let (first, second) = (
            sessions.open(as: "ann", now: now), sessions.open(as: "bob", now: now)
        )
        #expect(first != second && first.count > 30)
        #expect(sessions.find(first, now: now)?.name == "ann")
        sessions.close(first)
        #expect(sessions.find(first, now: now) == nil)
        #expect(sessions.find(second, now: now + Sessions.Limits.life) == nil)
        #expect(sessions.find("", now: now) == nil)
    }

    @Test func `who fails five times waits a minute from the first; others need not`() {
        let sessions = Sessions()
        let now = ContinuousClock.now
        for second in 0..<5 {
            #expect(sessions.mayTry(from: "a", now: now) == nil)
            sessions.failed(from: "a", now: now + .seconds(second))
        }
        #expect(sessions.mayTry(from: "a", now: now + .seconds(10)) == 50)
        #expect(sessions.mayTry(from: "b", now: now + .seconds(10)) == nil)
        #expect(sessions.mayTry(from: "a", now: now + .seconds(60)) == nil)
    }

    @Test func `many addresses together are too many, too`() {
        let sessions = Sessions()
        let now = ContinuousClock.now
        for number in 0..<Sessions.Limits.failuresOfAllMax {
            sessions.failed(from: "\(number)", now: now)
        }
        #expect(sessions.mayTry(from: "another", now: now) == 60)
    }

    @Test func `a path's parts are decoded, and what cannot be is refused`() {
        #expect(
            Exchange(method: "GET", path: "/user/a%20b%2Fc/usage").parts == [
                "user", "a b/c", "usage",
            ]
        )
        #expect(Exchange(method: "GET", path: "/").parts == [])
        for path in ["/user/%", "/user/%4", "/user/%zz", "/user/%ff"] {
            #expect(Exchange(method: "GET", path: path).parts == nil, "\(path)")
        }
    }
}
