import Telemetry
import Testing

@Suite struct ExpositionTests {
    /// One family of each kind, with what must be escaped in it.
    private static func registry() -> PrometheusRegistry {
        let registry = PrometheusRegistry()
        let drops = registry.counter(
            "test_drops_total",
            help: "Drops, \"odd\" ones\\too.\nSecond line.",
            by: Odd.self
        )
        drops.increment(.quote, by: 2)
        drops.increment(.line)
        registry.counter("test_spent_seconds_total", unit: .seconds, help: "Spent.").follow(1.25)
        registry.gauge("test_held_bytes", unit: .bytes, help: "Held.").set(to: 7)
        let waits = registry.histogram("test_wait_seconds", edges: [0.005, 1], help: "Waits.")
        waits.record(.milliseconds(5))
        waits.record(.milliseconds(500))
        waits.record(.seconds(2))
        registry.info("test_build_info", help: "Build.", facts: [("version", "1.2.3")])
        return registry
    }

    @Test func `the old format is text 0.0.4`() {
        #expect(
            Self.registry().text(.prometheus) == #"""
                # HELP test_drops_total Drops, "odd" ones\\too.\nSecond line.
                # TYPE test_drops_total counter
                test_drops_total{kind="a\"b"} 2
                test_drops_total{kind="a\\b"} 0
                test_drops_total{kind="a\nb"} 1
                # HELP test_spent_seconds_total Spent.
                # TYPE test_spent_seconds_total counter
                test_spent_seconds_total 1.25
                # HELP test_held_bytes Held.
                # TYPE test_held_bytes gauge
                test_held_bytes 7.0
                # HELP test_wait_seconds Waits.
                # TYPE test_wait_seconds histogram
                test_wait_seconds_bucket{le="0.005"} 1
                test_wait_seconds_bucket{le="1.0"} 2
                test_wait_seconds_bucket{le="+Inf"} 3
                test_wait_seconds_sum 2.505
                test_wait_seconds_count 3
                # HELP test_build_info Build.
                # TYPE test_build_info gauge
                test_build_info{version="1.2.3"} 1

                """#
        )
    }

    @Test func `the new format is OpenMetrics 1.0`() {
        #expect(
            Self.registry().text(.openMetrics) == #"""
                # HELP test_drops Drops, \"odd\" ones\\too.\nSecond line.
                # TYPE test_drops counter
                test_drops_total{kind="a\"b"} 2
                test_drops_total{kind="a\\b"} 0
                test_drops_total{kind="a\nb"} 1
                # HELP test_spent_seconds Spent.
                # TYPE test_spent_seconds counter
                # UNIT test_spent_seconds seconds
                test_spent_seconds_total 1.25
                # HELP test_held_bytes Held.
                # TYPE test_held_bytes gauge
                # UNIT test_held_bytes bytes
                test_held_bytes 7.0
                # HELP test_wait_seconds Waits.
                # TYPE test_wait_seconds histogram
                # UNIT test_wait_seconds seconds
                test_wait_seconds_bucket{le="0.005"} 1
                test_wait_seconds_bucket{le="1.0"} 2
                test_wait_seconds_bucket{le="+Inf"} 3
                test_wait_seconds_sum 2.505
                test_wait_seconds_count 3
                # HELP test_build Build.
                # TYPE test_build info
                test_build_info{version="1.2.3"} 1
                # EOF

                """#
        )
    }

    @Test func `promtool finds nothing wrong with it`() throws {
        let verdict = try Promtool.check(Self.registry().expose(format: .prometheus))
        #expect(verdict.exitCode == 0, "\(verdict.output)")
    }

    @Test func `promtool does find what is wrong`() throws {
        let bad = Array("# TYPE a_total counter\na_total{x=\"unescaped \"\"} 1\n".utf8)
        #expect(try Promtool.check(bad).exitCode != 0)
    }

    @Test(arguments: [
        (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (0.1, "0.1"), (-3, "-3.0"),
        (1e300, "1e+300"),
    ])
    func `a gauge shows every number`(value: Double, text: String) {
        let registry = PrometheusRegistry()
        registry.gauge("test_level", help: "Level.").set(to: value)
        #expect(registry.text(.prometheus).hasSuffix("\ntest_level \(text)\n"))
    }

    @Test(arguments: [
        ("", ExpositionFormat.prometheus),
        ("*/*", .prometheus),
        ("text/plain", .prometheus),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
        ("application/openmetrics-text;version=0.0.1", .prometheus),
        ("application/openmetrics-text;version=2.0.0", .prometheus),
        ("application/openmetrics-text;q=0, text/plain;q=0.1", .prometheus),
        // Prometheus 2.42 and 3.x.
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                + "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
        ),
        (
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5",
            .prometheus
        ),
        ("text/html, */*;q=0.8", .prometheus),
    ])
    func `the scraper's wish decides the format`(accept: String, format: ExpositionFormat) {
        #expect(ExpositionFormat(accept: accept) == format)
    }
}

private enum Odd: String, Labels {
    case quote = "a\"b"
    case backslash = "a\\b"
    case line = "a\nb"
    static let names = ["kind"]
}
