import Contract
import Foundation
import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func `the whole page passes promtool, used and unused`() throws {
        let telemetry = Telemetry(version: "0.1.0")
        #expect(try Self.verdict(telemetry) == "")
        telemetry.metrics.requests.finished.increment(.rejected(.overloaded))
        telemetry.metrics.requests.stageDuration.record(.ask, .milliseconds(1_480))
        telemetry.metrics.model.tokens.increment(.input, by: 812)
        telemetry.metrics.streams.connected.set(.read, to: true)
        #expect(try Self.verdict(telemetry) == "")
        let page = String(
            decoding: telemetry.metricsPage(accept: nil).body,
            as: UTF8.self
        )
        let expected = [
            #"strategy_worker_requests_finished_total{outcome="rejected",code="overloaded"} 1"#,
            #"strategy_worker_requests_finished_total{outcome="result",code="none"} 0"#,
            #"strategy_worker_stage_duration_seconds_bucket{stage="ask",le="1.0"} 0"#,
            #"strategy_worker_stage_duration_seconds_bucket{stage="ask",le="2.0"} 1"#,
            #"strategy_worker_model_tokens_total{type="input"} 812"#,
            #"strategy_worker_redis_connected{connection="read"} 1.0"#,
            #"strategy_worker_build_info{version="0.1.0"} 1"#,
        ]
        for line in expected { #expect(page.contains("\n\(line)\n"), "\(line)") }
    }

    private static func verdict(_ telemetry: Telemetry) throws -> String {
        let page = telemetry.metricsPage(accept: "text/plain")
        #expect(page.status == 200)
        #expect(page.contentType == "text/plain; version=0.0.4; charset=utf-8")
        let verdict = try Promtool.check(page.body)
        #expect(verdict.exitCode == 0)
        return verdict.output
    }

    @Test func `in OpenMetrics every sample stands under its family, and the end is marked`() throws
    {
        let page = Telemetry(version: "0.1.0").metricsPage(accept: "application/openmetrics-text")
        #expect(page.contentType.hasPrefix("application/openmetrics-text; version=1.0.0"))
        let text = String(decoding: page.body, as: UTF8.self)
        #expect(text.hasSuffix("\n# EOF\n"))
        let suffixes = [
            "counter": ["_total"], "gauge": [""], "info": ["_info"],
            "histogram": ["_bucket", "_sum", "_count"],
        ]
        var (family, type, seen) = ("", "", Set<String>())
        for line in text.split(separator: "\n").dropLast() {
            let words = line.split(separator: " ")
            if words[0] == "#" {
                if words[1] == "HELP" {
                    family = String(words[2])
                    #expect(seen.insert(family).inserted, "\(family) stands twice")
                }
                #expect(words[2] == family)
                if words[1] == "TYPE" { type = String(words[3]) }
                if words[1] == "UNIT" { #expect(family.hasSuffix("_\(words[3])")) }
            } else {
                let name = String(line.prefix { $0 != "{" && $0 != " " })
                let allowed = try #require(suffixes[type]).map { family + $0 }
                #expect(allowed.contains(name), "\(line)")
            }
        }
        #expect(seen.count > 25)
    }

    @Test func `names are ours or the process', labels never name a person or a request`() {
        let registry = PrometheusRegistry()
        _ = Metrics(in: registry, version: "0.1.0")
        let forbidden = ["user", "user_id", "request", "request_id", "consumer", "trace_id"]
        for declaration in registry.declarations {
            #expect(
                declaration.name.hasPrefix("strategy_worker_")
                    || declaration.name.hasPrefix("process_")
            )
            #expect(declaration.fault == nil)
            #expect(!declaration.labelNames.contains(where: forbidden.contains))
            #expect(declaration.help.hasSuffix("."))
        }
    }

    @Test func `an ending's place is its place among all endings`() {
        #expect(Metrics.Ending.allCases.map(\.ordinal) == Array(0..<22))
        #expect(Metrics.Stage.allCases.map(\.ordinal) == Array(0..<10))
        #expect(Set(Metrics.Ending.allCases.map(\.values)).count == 22)
    }

    @Test func `the documentation's table has a row for each metric`() {
        let table = Metrics.documentationTable()
        let registry = PrometheusRegistry()
        _ = Metrics(in: registry, version: "0.1.0")
        let rows = table.split(separator: "\n")
        #expect(rows.count == registry.declarations.count + 2)
        #expect(rows[0] == "| metric | type | labels | meaning |")
        #expect(
            rows.contains(
                "| `strategy_worker_entries_read_total` | counter | `priority`: retry, high, normal,"
                    + " low | Entries read, by the stream they came from. |"
            )
        )
        for row in rows { #expect(row.split(separator: "|").count == 4, "\(row)") }
    }

    @Test func `the page does not outgrow a scrape`() {
        let page = Telemetry(version: "0.1.0").metricsPage(accept: nil)
        #expect(page.body.count < 64 * 1_024)
    }

    @Test func `the documentation's page is what is declared`() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let written = try String(
            contentsOf: root.appending(path: "deploy/prometheus/metrics.md"),
            encoding: .utf8
        )
        let declared = MetricsPage.markdown()
        if written != declared {
            // To be copied there.
            try declared.write(
                to: root.appending(path: ".build/metrics.md"),
                atomically: true,
                encoding: .utf8
            )
        }
        #expect(written == declared, "deploy/prometheus/metrics.md: copy .build/metrics.md there")
    }
}
