import Contract
import Foundation
import Telemetry
import Testing

@Suite struct FleetMetricsTests {
    @Test func `the supervisor's page passes promtool, whether it shows the fleet or not`() throws {
        let registry = PrometheusRegistry()
        let metrics = SupervisorMetrics(in: registry, version: "0.1.0")
        let hidden = registry.text(.prometheus)
        #expect(try Promtool.check(Array(hidden.utf8)).output == "")
        #expect(hidden.contains("# TYPE gpt4_strategy_requests_total counter\n"))
        #expect(!hidden.contains("\ngpt4_strategy_"), "a sample of a fleet that another tells of")

        metrics.fleet.show(Self.figures)
        let shown = registry.text(.prometheus)
        let verdict = try Promtool.check(Array(shown.utf8))
        #expect(verdict.exitCode == 0 && verdict.output == "", "\(verdict.output)")
        let expected = [
            #"gpt4_strategy_requests_total{outcome="result",code="none"} 7"#,
            #"gpt4_strategy_requests_total{outcome="rejected",code="overloaded"} 2"#,
            #"gpt4_strategy_requests_total{outcome="rejected",code="other"} 1"#,
            #"gpt4_strategy_requests_total{outcome="failed",code="poison"} 3"#,
            #"gpt4_strategy_requests_total{outcome="batch_complete",code="none"} 1"#,
            #"gpt4_strategy_errors_total{code="overloaded"} 2"#,
            #"gpt4_strategy_errors_total{code="poison"} 3"#,
            #"gpt4_strategy_cost_usd_total{payer="user"} 0.01835"#,
            #"gpt4_strategy_cost_usd_total{payer="house"} 0"#,
            #"gpt4_strategy_response_time_seconds_bucket{priority="normal",le="1.0"} 0"#,
            #"gpt4_strategy_response_time_seconds_bucket{priority="normal",le="1.5"} 5"#,
            #"gpt4_strategy_response_time_seconds_bucket{priority="normal",le="+Inf"} 7"#,
            #"gpt4_strategy_response_time_seconds_sum{priority="normal"} 8.25"#,
            #"gpt4_strategy_results_total{source="model"} 6"#,
            #"gpt4_strategy_degraded_total{reason="deadline"} 1"#,
            #"gpt4_strategy_jobs_waiting{priority="low"} 12.0"#,
            #"gpt4_strategy_jobs_outstanding 16.0"#,
            #"gpt4_strategy_budget_usd{part="limit"} +Inf"#,
        ]
        for line in expected { #expect(shown.contains("\n\(line)\n"), "\(line)") }
        // Another leads: what it goes on with is no counter that fell.
        metrics.fleet.visibility.show(false)
        #expect(!registry.text(.openMetrics).contains("\ngpt4_strategy_"))
    }

    private static var figures: FleetMetrics.Figures {
        var figures = FleetMetrics.Figures()
        figures.counts.add([
            "admitted": 13, "ended": 13, "finished:normal": 13, "lease_token": 4,
            "ends:result:": 7, "ends:rejected:overloaded": 2, "ends:rejected:of_a_later_release": 1,
            "ends:failed:poison": 3, "ends:batch_complete:": 1, "cost:user": 18_350_000,
            "source:model": 6, "source:rule_based": 1, "degraded:deadline": 1,
            "time:normal:7": 5, "time:normal:17": 2, "time:normal:ms": 8_250,
        ])
        figures.waiting = [.low: 12]
        figures.inFlight = [.normal: 4]
        return figures
    }

    @Test func `an error is a failure, and what came too late or for which there was no room`() {
        #expect(Self.figures.counts.errors == 5)
        #expect(Self.figures.counts.ended == 14)
        var counts = FleetCounts()
        counts.add(["ends:rejected:invalid_request": 4, "ends:cancelled:": 1, "ends:result:": 2])
        #expect(counts.errors == 0)
        counts.add(["ends:rejected:deadline_passed": 1])
        #expect(counts.errors == 1 && counts.ended == 8)
    }

    @Test func `counts of partitions add up`() {
        var counts = FleetCounts()
        for _ in 0..<3 { counts.add(["time:high:1": 2, "time:high:17": 1, "cost:house": 5]) }
        #expect(counts.times(.high).first == 6 && counts.times(.high).last == 3)
        #expect(counts.times(.high).count == FleetCounts.edges.count + 1)
        #expect(counts.times == counts.times(.high))
        #expect(counts.cost(.house) == NanoUSD(15))
    }

    @Test func `the script's edges are the metric's`() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let script = try String(
            contentsOf: root.appending(path: "Sources/Gateways/Redis/Scripts/ending.lua"),
            encoding: .utf8
        )
        let list = try #require(script.firstMatch(of: /local EDGES = \{([^}]*)\}/)).1
        let edges = list.split(separator: ",")
            .compactMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        #expect(edges.map { $0 / 1_000 } == FleetCounts.edges)
    }

    @Test func `the supervisor's page does not outgrow a scrape`() {
        let registry = PrometheusRegistry()
        let metrics = SupervisorMetrics(in: registry, version: "0.1.0")
        metrics.fleet.show(Self.figures)
        let page = registry.text(.prometheus)
        // Its size bounds its cost; what it costs on this machine is the bench's to say.
        #expect(page.utf8.count < 128 * 1_024, "\(page.utf8.count)")
        let series = page.split(separator: "\n").count { !$0.hasPrefix("#") }
        #expect(series < 900, "\(series)")
    }
}
