import CoreMetrics
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite struct PrometheusRegistryTests {
    @Test func `many threads lose no step`() async {
        let registry = PrometheusRegistry()
        let steps = registry.counter("test_steps_total", help: "Steps.", by: Side.self)
        let level = registry.gauge("test_level", help: "Level.")
        let waits = registry.histogram("test_wait_seconds", edges: [0.001, 0.01], help: "Waits.")
        let each = 20_000
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<each {
                        steps.increment(task.isMultiple(of: 2) ? .left : .right)
                        level.add(task.isMultiple(of: 2) ? 1 : -1)
                        waits.record(.milliseconds(5))
                    }
                }
            }
        }
        #expect(steps.value(.left) == Double(4 * each))
        #expect(steps.value(.right) == Double(4 * each))
        #expect(level.value == 0)
        let snapshot = waits.snapshot()
        #expect(snapshot.cumulative == [0, UInt64(8 * each), UInt64(8 * each)])
        #expect(abs(snapshot.sum - 0.005 * Double(8 * each)) < 1e-6)
    }

    @Test func `an edge belongs to its own bucket`() {
        let cell = HistogramCell(edges: [0.1, 1, 10])
        for value in [0, 0.1, 0.1.nextUp, 1, 1.0.nextUp, 10, 10.0.nextUp, .infinity] {
            cell.record(value)
        }
        #expect(cell.snapshot().cumulative == [2, 4, 6, 8])
        #expect(cell.snapshot().count == 8)
    }

    @Test func `what is not a number is not recorded`() {
        let cell = HistogramCell(edges: [1])
        cell.record(Double.nan)
        cell.record(0.5)
        #expect(cell.snapshot() == HistogramCell(edges: [1]).having(0.5))
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `buckets agree with counting by hand`(seed: UInt64) {
        var dice = Dice(seed: seed)
        let edges = Set((0..<(1 + dice.roll(23))).map { _ in Double(dice.roll(1_000)) }).sorted()
        let cell = HistogramCell(edges: edges)
        let values = (0..<200).map { _ in Double(dice.roll(1_100)) }
        for value in values { cell.record(value) }
        let byHand = (edges + [.infinity]).map { edge in
            UInt64(values.filter { $0 <= edge }.count)
        }
        #expect(cell.snapshot().cumulative == byHand, "replay with seed \(seed)")
        #expect(cell.snapshot().sum == values.reduce(0, +))
    }

    @Test func `a counter never falls`() {
        let registry = PrometheusRegistry()
        let steps = registry.counter("test_steps_total", help: "Steps.")
        steps.increment(by: 5)
        steps.increment(by: -3)
        #expect(steps.value == 5)
        let spent = registry.counter("test_spent_seconds_total", unit: .seconds, help: "Spent.")
        spent.follow(2.5)
        spent.follow(1)
        spent.follow(.nan)
        #expect(spent.value == 2.5)
    }

    @Test func `whole steps stay exact beyond 2 to the 53rd`() {
        let registry = PrometheusRegistry()
        let steps = registry.counter("test_steps_total", help: "Steps.")
        steps.increment(by: 1 << 53)
        steps.increment()
        #expect(registry.text(.prometheus).hasSuffix("test_steps_total 9007199254740993\n"))
    }

    @Test func `swift-metrics writes to what is declared`() {
        let registry = PrometheusRegistry()
        let steps = registry.counter("test_steps_total", help: "Steps.", by: Side.self)
        let level = registry.gauge("test_level", help: "Level.")
        let waits = registry.histogram("test_wait_seconds", edges: [1], help: "Waits.")
        Counter(label: "test_steps_total", dimensions: [("side", "left")], factory: registry)
            .increment(by: 3)
        FloatingPointCounter(
            label: "test_steps_total",
            dimensions: [("side", "left")],
            factory: registry
        ).increment(by: 0.5)
        Gauge(label: "test_level", factory: registry).record(4)
        Meter(label: "test_level", factory: registry).increment(by: 2)
        Timer(label: "test_wait_seconds", factory: registry).recordMilliseconds(1_500)
        Recorder(label: "test_wait_seconds", factory: registry).record(0.5)
        #expect(steps.value(.left) == 3.5)
        #expect(steps.value(.right) == 0)
        #expect(level.value == 6)
        #expect(waits.snapshot().cumulative == [1, 2])
        #expect(waits.snapshot().sum == 2)
    }

    @Test func `what is not declared is refused and goes nowhere`() {
        let refusals = Mutex<[String]>([])
        let registry = PrometheusRegistry { reason in refusals.withLock { $0.append(reason) } }
        _ = registry.counter("test_steps_total", help: "Steps.", by: Side.self)
        let before = registry.text(.prometheus)
        Counter(label: "unknown_total", factory: registry).increment()
        Counter(label: "test_steps_total", factory: registry).increment()
        Counter(label: "test_steps_total", dimensions: [("side", "up")], factory: registry)
            .increment()
        Counter(label: "test_steps_total", dimensions: [("user", "left")], factory: registry)
            .increment()
        Gauge(label: "test_steps_total", dimensions: [("side", "left")], factory: registry)
            .record(1)
        Timer(label: "test_steps_total", dimensions: [("side", "left")], factory: registry)
            .recordSeconds(1)
        Meter(label: "unknown", factory: registry).set(1)
        #expect(registry.text(.prometheus) == before)
        #expect(refusals.withLock { $0.count } == 7)
        #expect(refusals.withLock { !$0.contains { $0.contains("up") } })
    }

    #if DEBUG
    @Test func `a debug build stops at what is not declared`() async {
        await #expect(processExitsWith: .failure) {
            Counter(label: "unknown_total", factory: PrometheusRegistry()).increment()
        }
    }
    #endif

    @Test(arguments: [
        ("test_steps", "a counter ends in _total"),
        ("test-steps_total", "not a metric name"),
        ("0test_total", "not a metric name"),
        ("test_count_total", "ends like a sample"),
    ])
    func `a wrong name is refused`(name: String, fault: String) {
        let refusals = Mutex<[String]>([])
        let registry = PrometheusRegistry { reason in refusals.withLock { $0.append(reason) } }
        _ = registry.counter(name, help: "Steps.")
        #expect(refusals.withLock { $0 } == ["\(name): \(fault)"])
        #expect(registry.declarations.isEmpty)
    }

    @Test func `edges, units, help and repeats are looked at too`() {
        let refusals = Mutex<[String]>([])
        let registry = PrometheusRegistry { reason in refusals.withLock { $0.append(reason) } }
        _ = registry.histogram("test_a_seconds", edges: [1, 1], help: "A.")
        _ = registry.histogram("test_b_seconds", edges: [], help: "B.")
        _ = registry.histogram("test_c_seconds", edges: (0..<24).map(Double.init), help: "C.")
        _ = registry.histogram("test_d", edges: [1], help: "D.")
        _ = registry.gauge("test_e", help: "")
        _ = registry.gauge("test_f", help: "F.")
        _ = registry.gauge("test_f", help: "F again.")
        #expect(
            refusals.withLock { $0 } == [
                "test_a_seconds: edges do not ascend",
                "test_b_seconds: edges belong to histograms alone",
                "test_c_seconds: too many edges",
                "test_d: does not end in its unit, seconds",
                "test_e: no help",
                "test_f: declared twice",
            ]
        )
    }
}

private enum Side: String, Labels {
    case left
    case right
    static let names = ["side"]
}

extension HistogramCell {
    fileprivate func having(_ value: Double) -> Snapshot {
        record(value)
        return snapshot()
    }
}
