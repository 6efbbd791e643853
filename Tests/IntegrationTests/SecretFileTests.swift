import Foundation
import Glibc
import TestSupport
import Testing

extension IntegrationTests {
    /// Secrets in files: read at the start, and again without a restart.
    struct SecretFiles {
        private func write(_ text: String, to path: String) throws {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        }

        @Test func `a password that changes counts from the next connection on`() async throws {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("redis-url")
                let desk = try PlainRedis(stack.redis)
                func url(_ password: String) -> String {
                    "redis://svc:\(password)@127.0.0.1:\(stack.redis.port)\n"
                }
                try desk.ask("ACL", "SETUSER", "svc", "on", ">hush-1", "~*", "&*", "+@all")
                try write(url("hush-1"), to: file)
                let settings = ["REDIS_URL": "", "REDIS_URL_FILE": file]
                try await stack.withWorker(settings) { worker in
                    let client = try Orchestrator(stack)
                    #expect(try await client.ask("before").name == "result")
                    try desk.ask("ACL", "SETUSER", "svc", "resetpass", ">hush-2")
                    try write(url("hush-2"), to: file)
                    try await eventually("the new password is read") {
                        worker.log.contains("secrets were read again")
                    }
                    try desk.ask("CLIENT", "KILL", "USER", "svc")
                    #expect(try await client.ask("after").name == "result")
                    #expect(!worker.log.contains("hush"))
                }
            }
        }

        @Test func `a renewed key is in the next call, and what was off is tried with it`()
            async throws
        {
            try await Stack.run(simulator: ["SIMULATOR_API_KEYS": "sk-new"]) { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("key")
                try write("sk-old\n", to: file)
                let settings = ["OPENAI_API_KEY": "", "OPENAI_API_KEY_FILE": file]
                try await stack.withWorker(settings) { worker in
                    let client = try Orchestrator(stack)
                    let refused = try await client.ask("old")
                    #expect(refused.payload["source"] as? String == "rule_based")
                    try write("sk-new", to: file)
                    try await eventually("the new key is read") {
                        worker.log.contains("secrets were read again")
                    }
                    try await eventually("an answer of the model's") {
                        let answer = try await client.ask("new-\(UUID().uuidString)")
                        return answer.payload["source"] as? String == "model"
                    }
                    #expect(!worker.log.contains("sk-new") && !worker.log.contains("sk-old"))
                }
            }
        }

        @Test func `what is used once, at the start, waits for the next and says so`() async throws
        {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("hash-key")
                try write("a key of thirty-two characters, one", to: file)
                try await stack.withWorker(["USER_HASH_KEY_FILE": file]) { worker in
                    try write("a key of thirty-two characters, two", to: file)
                    try await eventually("it is told") {
                        worker.log.contains("counts after a restart")
                            && worker.log.contains("USER_HASH_KEY")
                    }
                    #expect(!worker.log.contains("thirty-two"))
                }
            }
        }

        @Test func `SIGHUP reads them again, and what is wrong leaves the known in force`()
            async throws
        {
            try await Stack.run { stack in
                let folder = try TemporaryDirectory()
                let file = folder.path("key")
                try write("\(SimulatorProcess.key)\n", to: file)
                let settings = ["OPENAI_API_KEY": "", "OPENAI_API_KEY_FILE": file]
                try await stack.withWorker(settings) { worker in
                    worker.signal(SIGHUP)
                    try await eventually("the files are read") {
                        worker.log.contains("SIGHUP")
                    }
                    try write("", to: file)
                    try await eventually("an empty one is told") {
                        worker.log.contains("OPENAI_API_KEY_FILE") && worker.log.contains("empty")
                    }
                    let answer = try await Orchestrator(stack).ask("still")
                    #expect(answer.payload["source"] as? String == "model")
                    #expect(worker.exitStatus == nil)
                }
            }
        }

        @Test(arguments: [
            (["OPENAI_API_KEY": "sk-hush", "OPENAI_API_KEY_FILE": "/dev/null"], "OPENAI_API_KEY"),
            (["OPENAI_API_KEY_FILE": "/dev/null"], "OPENAI_API_KEY_FILE"),
            (["REDIS_URL_FILE": "/nowhere/at-all"], "REDIS_URL_FILE"),
        ])
        func `a file that cannot be used is named at the start`(
            settings: [String: String],
            named: String
        ) throws {
            for program in ["strategy-worker", "strategy-supervisor"] {
                if program.hasSuffix("supervisor"), named.hasPrefix("OPENAI") { continue }
                let base = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
                let (status, output) = try Program.run(
                    [try BuiltProducts.url(of: program).path],
                    environment: base.merging(settings) { $1 }
                )
                #expect(status == 78, "\(output)")
                #expect(output.contains("\(named): "), "\(output)")
                #expect(!output.contains("hush"))
            }
        }
    }
}
