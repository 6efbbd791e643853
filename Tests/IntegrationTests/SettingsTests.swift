import Foundation
import TestSupport
import Testing

extension IntegrationTests {
    /// How a worker that cannot start says so.
    struct SettingsFaults {
        private static let key = "sk-sim-hush-hush"

        private func run(
            _ settings: [String: String],
            _ arguments: [String] = []
        ) throws -> (status: Int32, output: String) {
            let base = [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "OPENAI_API_KEY": Self.key, "HEALTH_PORT": "0",
                "REDIS_URL": "redis://127.0.0.1:1", "OPENAI_BASE_URL": "http://127.0.0.1:1",
            ]
            let path = try BuiltProducts.url(of: "strategy-worker").path
            return try Program.run([path] + arguments, environment: base.merging(settings) { $1 })
        }

        @Test(arguments: [
            ("REDIS_URL", "http://hush"), ("REDIS_URL", "redis://u:hush@host:port"),
            ("REDIS_URL", "hush"), ("STREAM_PREFIX", "a{b}"), ("PARTITIONS", "0"),
            ("PARTITIONS", "many"), ("MAX_TOKENS", "-1"), ("MAX_TOKENS", "1.5"),
            ("TEMPERATURE", "hot"), ("TEMPERATURE", "2.1"), ("TEMPERATURE", "nan"),
            ("REQUEST_TIMEOUT", "0"), ("REQUEST_TIMEOUT", "30s"), ("BATCH_TIMEOUT", "inf"),
            ("DRAIN_TIMEOUT", "-1"), ("REPLY_TTL", ""), ("MAX_CONCURRENT_REQUESTS", "0"),
            ("MAX_PAYLOAD_BYTES", "1"), ("MAX_IN_FLIGHT_BYTES", "64MiB"), ("HEALTH_PORT", "65536"),
            ("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"), ("OPENAI_BASE_URL", "ftp://hush"),
            ("OPENAI_BASE_URL", "https://u:hush@host/v1"), ("OPENAI_MODEL", "gpt-9-hush"),
            ("PRICE_FILE", "/nowhere"), ("OPENAI_CA_FILE", "/nowhere"),
            ("DATABASE_URL", "postgresql://u:hush@host/x?nonsense=1"), ("AUDIT_MODE", "maybe"),
            ("AUDIT_MAX_BYTES", "1"),
        ])
        func `a wrong setting is named, and no secret is told`(name: String, value: String) throws {
            // What is set to nothing is not set: it is the one here that is in order.
            guard !value.isEmpty else { return }
            let (status, output) = try run([name: value])
            #expect(status == 78, "\(output)")
            #expect(output.contains(name), "\(output)")
            #expect(!output.contains(Self.key))
            if name.hasSuffix("_URL") || value.contains("@") { #expect(!output.contains("hush")) }
        }

        @Test func `TLS to Redis works, or is told to be absent`() async throws {
            let worker = try WorkerProcess(environment: [
                "REDIS_URL": "rediss://127.0.0.1:1", "OPENAI_BASE_URL": "http://127.0.0.1:1",
            ])
            defer { worker.stop() }
            try await eventually("a word about it") {
                worker.exitStatus != nil || worker.log.contains("Redis is not connected")
            }
            // A build with TLS looks for its Redis for as long as it is let.
            guard let status = worker.exitStatus else { return }
            #expect(status == 69)
            #expect(worker.log.contains("TLS") && worker.log.contains("rediss://"))
        }

        @Test func `a model that is gone names the variable to set`() async throws {
            let gone = ["SIMULATOR_SHUTDOWN_MODELS": "gpt-4-turbo,gpt-4.1,gpt-6-luna"]
            try await SimulatorProcess.run(environment: gone) { simulator in
                let (status, output) = try run([
                    "OPENAI_BASE_URL": simulator.baseURL, "OPENAI_MODEL": "gpt-4-turbo",
                ])
                #expect(status == 78)
                #expect(output.contains("OPENAI_MODEL"), "\(output)")
                #expect(output.contains("OPENAI_FALLBACK_MODELS"), "\(output)")
                #expect(!output.contains(Self.key))
            }
        }

        @Test(arguments: [
            ("OPENAI_FALLBACK_MODELS", "gpt-4.1,nonesuch"), ("OPENAI_ENDPOINTS", "{}"),
            ("OPENAI_ENDPOINTS", #"[{"name":"primary","base_url":"https://x"}]"#),
            ("OPENAI_ENDPOINTS", #"[{"name":"two","base_url":"ftp://x"}]"#),
            ("HEDGE_AFTER_MS", "10"), ("HEDGE_BUDGET", "2"),
        ])
        func `what is wrong with the chain is told, by its variable`(
            variable: String,
            value: String
        ) throws {
            let (status, output) = try run([variable: value])
            #expect(status == 78 && output.contains(variable), "\(output)")
        }

        @Test func `a health port that is taken is told`() async throws {
            try await Stack.run { stack in
                try await stack.withWorker { worker in
                    let port = try #require(worker.healthPort)
                    let (status, output) = try run(
                        stack.settings.merging(["HEALTH_PORT": "\(port)"]) { $1 }
                    )
                    #expect(status == 69)
                    #expect(output.contains("HEALTH_PORT"), "\(output.suffix(400))")
                }
            }
        }

        @Test func `help names every variable, version is semantic, and settings hide secrets`()
            throws
        {
            let help = try run([:], ["--help"])
            #expect(help.status == 0)
            for name in ["OPENAI_API_KEY", "REDIS_URL", "MAX_CONCURRENT_REQUESTS", "DRAIN_TIMEOUT"]
            {
                #expect(help.output.contains(name))
            }
            let version = try run([:], ["--version"])
            #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(version.output)")
            let shown = try run(
                ["REDIS_URL": "redis://u:hush@host", "LOG_LEVEL": ""],
                ["--show-settings"]
            )
            #expect(shown.status == 0)
            #expect(!shown.output.contains("hush"))
            #expect(shown.output.contains("LOG_LEVEL=info  # default"), "\(shown.output)")
        }
    }
}
