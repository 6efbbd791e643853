import Authorization
import Configuration
import EventLoop
import Gateways
import HTTPClient
import Logging
import Postgres
import Program
import Redis
import Secrets
import UnixSignals

// Secrets that are renewed while the process runs.
extension Wiring {
    func watch(
        on loop: EventLoop,
        _ endpoints: [APIEndpoint],
        _ model: OpenAIModel,
        _ switchboard: RedisSwitchboard,
        _ verifier: TokenVerifier?
    ) -> SecretWatch<Variable> {
        SecretWatch(secrets, on: loop, log: log) { act in
            for await _ in await UnixSignalsSequence(trapping: .sighup) { await act() }
        } renew: { config throws(SettingsError) in
            try await renew(config, endpoints, model, switchboard, verifier)
        }
    }

    /// Takes over keys and passwords; whatever else differs waits for a restart.
    private func renew(
        _ config: ConfigReader,
        _ endpoints: [APIEndpoint],
        _ model: OpenAIModel,
        _ switchboard: RedisSwitchboard,
        _ verifier: TokenVerifier?
    ) async throws(SettingsError) {
        let fresh = try Settings(config)
        let known = endpoints.map { $0.key.reveal() }
        settings.apiKey.renew(fresh.apiKey.reveal())
        try renew(endpoints, fresh)
        for (place, endpoint) in endpoints.enumerated() {
            do throws(HTTPError) {
                try model.replace(endpoint)
            } catch {
                let variable: Variable = place == 0 ? .apiKey : .endpoints
                throw SettingsError(variable, "the key cannot stand in a header")
            }
        }
        for (endpoint, key) in zip(endpoints, known) where endpoint.key.reveal() != key {
            await switchboard.tryAgain(endpoint.name)
        }
        renewal.redis(settings.redis, as: fresh.redis, .redisURL)
        renewal.database(settings.database, as: fresh.database, .databaseURL)
        renewal.database(settings.readDatabase, as: fresh.readDatabase, .databaseReadURL)
        renewal.fixed(settings.userHashKey, as: fresh.userHashKey, .userHashKey)
        try await renewal.tokens(
            settings.authorization,
            as: fresh.authorization,
            in: verifier,
            .authSecret
        )
    }

    /// The keys of the endpoints beside the first, by their names.
    private func renew(_ endpoints: [APIEndpoint], _ fresh: Settings) throws(SettingsError) {
        guard let text = fresh.endpoints, settings.endpoints != nil else { return }
        let list: [APIEndpoint]
        do throws(EndpointListError) {
            list = try EndpointList.endpoints(text.reveal(), defaultKey: fresh.apiKey)
        } catch {
            throw SettingsError(Variable.endpoints, error.description)
        }
        for endpoint in endpoints.dropFirst() {
            guard let same = list.first(where: { $0.name == endpoint.name }) else { continue }
            endpoint.key.renew(same.key.reveal())
        }
        if list.map(\.name) != endpoints.dropFirst().map(\.name) {
            renewal.tellOfRestart(.endpoints)
        }
    }

    private var renewal: Renewal<Variable> { Renewal(log: log) }
}
