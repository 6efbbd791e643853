import Contract
import Foundation
import Gateways
import Policy
import Redis
import TestSupport

/// Row H: what a request in menu mode costs, by the price file and the tokens that the simulator counts
/// at its own end, for each model that has a price.
struct MenuCostRow: Row {
    let requests: Int

    private static let latencyMs = 0
    private static let slots = 20
    /// Of the seed, for any model; of issue 7, for the seed's own.
    private static let costMax = 0.50
    private static let turboMax = 0.05
    private static let turbo = "gpt-4-turbo"

    let name = "H"
    var title: String { "cost of a request in menu mode, each model, \(requests) of each detail" }

    private struct Cost {
        let model: String
        let fast: Double
        let full: Double
    }

    func run(on stand: Stand) async throws -> RowReport {
        let catalog = try PriceFile.builtIn()
        // Aliases share a row.
        let models = Set(catalog.names.compactMap { catalog[$0]?.name }).sorted()
        let costs = try await stand.withSimulator(latencyMs: Self.latencyMs) { port in
            var found: [Cost] = []
            for model in models {
                guard let row = catalog[model] else { continue }
                found.append(try await cost(of: row, port, on: stand))
            }
            return found
        }
        return report(costs, catalog)
    }

    private func cost(of row: ModelRow, _ port: Int, on stand: Stand) async throws -> Cost {
        var settings = Contestant.Settings(
            slots: Self.slots,
            baseURL: "http://127.0.0.1:\(port)/v1"
        )
        settings.others = ["OPENAI_MODEL": row.name, "OPENAI_FALLBACK_MODELS": "none"]
        return try await stand.withContestants([.worker], settings) { contestants in
            var found: [Double] = []
            for detail in ["fast", "full"] {
                _ = PlainHTTP.post("/simulator/reset", "", port: port)
                let queue = Requests(to: contestants[0], on: stand)
                for index in 0..<requests {
                    let payload = Payload.text(of: "\(detail)\(index)", detail: detail)
                    try await queue.add("\(detail)\(index)", payload)
                }
                try await queue.drain()
                let bill = try Bill(port: port)
                guard bill.calls == requests else {
                    throw Stand.Failure("\(row.name) was called \(bill.calls) times")
                }
                let nano = row.price.cost(of: bill.usage)
                found.append(Double(nano.amount) / 1e9 / Double(requests))
            }
            return Cost(model: row.name, fast: found[0], full: found[1])
        }
    }

    private func report(_ costs: [Cost], _ catalog: ModelCatalog) -> RowReport {
        var report = RowReport(self)
        for cost in costs {
            report.figures.append(
                .init(
                    program: cost.model,
                    figures: [
                        Figure("fast", "¢", [cost.fast * 100]),
                        Figure("full", "¢", [cost.full * 100]),
                    ]
                )
            )
        }
        let turbo = catalog[Self.turbo]?.name
        let turboCost = costs.first { $0.model == turbo }.map { max($0.fast, $0.full) }
        let dearest = costs.map { max($0.fast, $0.full) }.max()
        report.bars = [
            Bar(
                name: "the dearest model",
                measured: (dearest ?? .nan) * 100,
                limit: Self.costMax * 100,
                unit: "¢"
            ),
            Bar(
                name: Self.turbo,
                measured: (turboCost ?? .nan) * 100,
                limit: Self.turboMax * 100,
                unit: "¢"
            ),
        ]
        report.remarks = [
            "US cents a request, by the price file of \(catalog.version); tokens as the simulator "
                + "counts and would bill them, its prompt cache included"
        ]
        return report
    }
}

/// What the simulator would send a bill for.
struct Bill {
    /// Those that were cut off among them.
    let calls: Int
    let usage: TokenUsage

    init(port: Int) throws {
        guard let answer = PlainHTTP.get("/simulator/usage", port: port),
            let page = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any],
            let total = page["total"] as? [String: Any], let calls = total["calls"] as? Int
        else { throw Stand.Failure("the simulator tells no usage") }
        let cut = total["cut"] as? [String: Any] ?? [:]
        func sum(_ name: String) -> Int { (total[name] as? Int ?? 0) + (cut[name] as? Int ?? 0) }
        self.calls = calls
        usage = TokenUsage(
            promptTokens: sum("prompt_tokens"),
            cachedTokens: sum("cached_tokens"),
            cacheWriteTokens: sum("cache_write_tokens"),
            completionTokens: sum("completion_tokens")
        )
    }
}
