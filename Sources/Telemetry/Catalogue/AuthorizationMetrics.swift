/// The keys that bearer tokens are verified by.
package struct AuthorizationMetrics: Sendable {
    package let keysUnread: CounterFamily<NoLabels>

    /// - Parameter program: The word behind `strategy_` in the program's metrics.
    init(in registry: PrometheusRegistry, of program: String) {
        keysUnread = registry.counter(
            "strategy_\(program)_jwks_failures_total",
            help: "Times AUTH_JWKS could not be read again; the keys that were known stay in force."
        )
    }
}
