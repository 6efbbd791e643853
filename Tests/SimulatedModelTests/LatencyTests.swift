import SimulatedModel
import Testing

@Suite struct LatencyTests {
    @Test(arguments: ["0", "200", "1.5", "200,900", " 200 , 900 ", "5,5"])
    func `one number or two are a latency`(text: String) {
        #expect(Latency(text) != nil)
    }

    @Test(arguments: ["", "fast", "-1", "200,100", "0,100", "1,2,3", "200,", ",200", "nan", "inf"])
    func `anything else is not`(text: String) {
        #expect(Latency(text) == nil)
    }

    @Test func `one number is that, always`() throws {
        let latency = try #require(Latency("250"))
        for call in 0..<100 as Range<UInt64> {
            #expect(latency.sample(seed: 7, call: call) == .milliseconds(250))
        }
    }

    @Test func `half are below the median and one in a hundred above the 99th percentile`() throws {
        let latency = try #require(Latency("1200,9000"))
        #expect(abs(latency.milliseconds(at: 0.5) - 1200) < 1e-6)
        #expect(abs(latency.milliseconds(at: 0.99) - 9000) < 1e-3)
        // A log-normal's quantiles are symmetric about the median, in the logarithm.
        #expect(
            abs(latency.milliseconds(at: 0.9) * latency.milliseconds(at: 0.1) - 1200 * 1200) < 1
        )
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `a run's samples have the percentiles asked for`(seed: UInt64) throws {
        let latency = try #require(Latency("1200,9000"))
        let count = 20_000
        let samples = (0..<UInt64(count)).map {
            latency.sample(seed: seed, call: $0) / .milliseconds(1)
        }.sorted()
        // Five standard errors of a sample quantile, at the median and at the 99th percentile.
        #expect(abs(samples[count / 2] / 1200 - 1) < 0.04, "replay with seed \(seed)")
        #expect(abs(samples[count * 99 / 100] / 9000 - 1) < 0.12, "replay with seed \(seed)")
    }

    @Test func `the seed and the call decide, nothing else`() throws {
        let latency = try #require(Latency("100,400"))
        let once = (0..<50 as Range<UInt64>).map { latency.sample(seed: 3, call: $0) }
        let again = (0..<50 as Range<UInt64>).reversed().map { latency.sample(seed: 3, call: $0) }
        let other = (0..<50 as Range<UInt64>).map { latency.sample(seed: 4, call: $0) }
        #expect(once == again.reversed())
        #expect(once != other)
        #expect(Set(once).count > 40)
    }

    @Test(arguments: [
        (0.5, 0.0), (0.975, 1.959964), (0.025, -1.959964), (0.99, 2.326348), (0.001, -3.090232),
        (0.999, 3.090232),
    ])
    func `the normal quantile agrees with the tables`(probability: Double, quantile: Double) {
        #expect(abs(Latency.normalQuantile(probability) - quantile) < 1e-6)
    }
}
