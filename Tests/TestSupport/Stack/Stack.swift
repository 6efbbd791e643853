/// The service as it runs: a Redis that keeps what it was told, a simulator in the model's place,
/// and as many workers as a test starts.
package struct Stack: Sendable {
    package let redis: RedisServer
    package let simulator: SimulatorProcess

    /// Runs `body` beside a Redis and a simulator, and ends both whatever happens.
    ///
    /// - Parameter simulator: `SIMULATOR_…` variables.
    package static func run<Value>(
        simulator: [String: String] = [:],
        _ body: (Stack) async throws -> Value
    ) async throws -> Value {
        let redis = try await RedisServer(appendOnly: true)
        defer { redis.stop() }
        return try await SimulatorProcess.run(environment: simulator) { simulator in
            try await body(Stack(redis: redis, simulator: simulator))
        }
    }

    /// What a worker is told, unless a test says otherwise.
    package var settings: [String: String] {
        [
            "REDIS_URL": redis.url, "OPENAI_BASE_URL": simulator.baseURL,
            "OPENAI_API_KEY": SimulatorProcess.key, "OPENAI_MODEL": "gpt-4-turbo",
            "LOG_LEVEL": "info",
            // Tests of what is shared set their own: here each request calls the model.
            "CACHE_TTL": "0",
            // Tests of limits set their own.
            "DEFAULT_TIER": "enterprise", "ENABLE_RATE_LIMITING": "false",
            "COST_PER_HOUR_LIMIT": "1000000",
        ]
    }

    /// Runs `body` beside a worker that is ready, and ends it if it still runs.
    package func withWorker<Value>(
        _ changes: [String: String] = [:],
        _ body: (WorkerProcess) async throws -> Value
    ) async throws -> Value {
        let worker = try WorkerProcess(environment: settings.merging(changes) { $1 })
        defer { worker.stop() }
        try? await eventually("the worker's readiness") {
            worker.isReady || worker.exitStatus != nil
        }
        guard worker.isReady else {
            throw ChildProcess.Failure("the worker is not ready:\n\(worker.log.suffix(4_000))")
        }
        return try await body(worker)
    }

    /// Tells the simulator how to misbehave; see its `--help`.
    package func misbehave(_ behavior: String) throws {
        let answer = PlainHTTP.post("/simulator/behavior", behavior, port: simulator.port)
        guard answer?.status == 200 else {
            throw ChildProcess.Failure("the simulator answered \(answer?.text ?? "nothing")")
        }
    }

    package func behave() { _ = PlainHTTP.delete("/simulator/behavior", port: simulator.port) }
}
