import Gateways
import HTTPClient
import Logging
import Options
import Policy
import Program
import Telemetry

/// Whether the models of the chain are there, what they cost, and until when they answer.
struct ModelLifeCycle: Sendable {
    let http: HTTPClient
    let endpoints: [APIEndpoint]
    /// `OPENAI_MODEL` first.
    let models: [(name: String, row: ModelRow)]
    let metrics: ModelMetrics
    let log: Logger

    private enum Limits {
        /// How long an API may take to say whether a model is there.
        static let standing = Duration.seconds(5)
        /// Days before a shutdown from which it is told of.
        static let noticeDays = 60
    }

    enum Finding: Equatable {
        case fine
        /// No model of the chain answers anywhere, as far as the APIs say.
        case dead(String)
        case keyRefused
    }

    /// Asks every endpoint for every model, in parallel: what cannot be asked may be there.
    func look() async -> Finding {
        noteShutdowns()
        let (http, log) = (http, log)
        let standings = await withTaskGroup(of: (String, String, ModelStanding).self) { group in
            for endpoint in endpoints {
                for (name, _) in models {
                    group.addTask {
                        let standing = await OpenAIModel.standing(
                            of: endpoint.name(of: name),
                            at: endpoint,
                            by: http,
                            within: Limits.standing
                        )
                        return (endpoint.name, name, standing)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var gone = 0
        var refused = false
        for (endpoint, name, standing) in standings {
            let facts: Logger.Metadata = ["endpoint": "\(endpoint)", "model": "\(name)"]
            switch standing {
            case .live: continue
            case .gone:
                gone += 1
                log.error(
                    "a model of the chain is not served there",
                    metadata: facts.merging(["variable": "\(variable(name))"]) { $1 }
                )
            case .keyRefused:
                refused = true
                log.error("the model's API refused the key", metadata: facts)
            case .unknown(let reason):
                log.warning(
                    "the model could not be looked up",
                    metadata: facts.merging(["reason": "\(reason)"]) { $1 }
                )
            }
        }
        if gone == standings.count {
            let places = endpoints.map(\.baseURL).joined(separator: ", ")
            return .dead(
                "\(models[0].name) is not served by \(places), and neither is any of "
                    + "OPENAI_FALLBACK_MODELS; set one of them to a model that is"
            )
        }
        return refused ? .keyRefused : .fine
    }

    private func variable(_ name: String) -> String {
        let isFirst = name == models.first?.name
        return (isFirst ? Variable.model : .fallbackModels).rawValue
    }

    /// By the price file's dates, which are there even when no API can be reached.
    private func noteShutdowns() {
        let today = NewYorkTime.date(at: UTCInstant(milliseconds: Int(Host.nowMs())))
        let epoch = CivilDate("1970-01-01") ?? today
        var nearest: Int?
        for (name, row) in models {
            guard let text = row.shutdown, let day = CivilDate(text) else { continue }
            let left = today.days(until: day)
            nearest = min(nearest ?? .max, epoch.days(until: day))
            guard left <= Limits.noticeDays else { continue }
            log.warning(
                left > 0
                    ? "a model of the chain will be shut down"
                    : "a model of the chain has been shut down by its provider",
                metadata: [
                    "model": "\(name)", "shutdown": "\(text)",
                    "variable": "\(variable(name))",
                ]
            )
        }
        metrics.shutdownTime.set(to: (nearest ?? 0) * 86_400)
    }
}
