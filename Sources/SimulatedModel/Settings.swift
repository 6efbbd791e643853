internal import FoundationEssentials

/// What one run of the simulator is told: by flags and by `SIMULATOR_…` variables.
package struct Settings: Sendable {
    package var latency = Latency.zero
    package var seed: UInt64 = 1
    package var shutdownModels: Set<String> = []
    /// Nil means any key that starts with `sk-sim`.
    package var apiKeys: Set<String>?
    package var requestsPerMinute: Int?
    package var tokensPerMinute: Int?
    package var proseTokens = 60
    package var script: [Misbehavior] = []

    /// A variable with a value that cannot be meant.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package init() {}

    package init(environment: [String: String]) throws(Failure) {
        func value(_ name: String) -> String? {
            environment["SIMULATOR_" + name].flatMap { $0.isEmpty ? nil : $0 }
        }
        func number(_ name: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
            guard let text = value(name) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                throw Failure(
                    description: """
                        SIMULATOR_\(name) is '\(text)': expected a whole number from \
                        \(range.lowerBound) to \(range.upperBound)
                        """
                )
            }
            return number
        }
        func list(_ name: String) -> [String]? {
            value(name)?.split(separator: ",").map { String($0.trimming { $0 == " " }) }
        }
        if let text = value("LATENCY_MS") {
            guard let latency = Latency(text) else {
                throw Failure(
                    description: """
                        SIMULATOR_LATENCY_MS is '\(text)': expected milliseconds as 'median' or \
                        'median,p99', the second no smaller than the first
                        """
                )
            }
            self.latency = latency
        }
        seed = UInt64(try number("SEED", 0...Int.max) ?? 1)
        shutdownModels = Set(list("SHUTDOWN_MODELS") ?? [])
        apiKeys = list("API_KEYS").map(Set.init)
        requestsPerMinute = try number("REQUESTS_PER_MINUTE", 1...1_000_000_000)
        tokensPerMinute = try number("TOKENS_PER_MINUTE", 1...1_000_000_000_000)
        proseTokens = try number("PROSE_TOKENS", 1...4096) ?? proseTokens
        if let text = value("BEHAVIOR") { script = try Self.script(text) }
    }

    /// Inline JSON, or `@` and the path of a file that holds it.
    private static func script(_ text: String) throws(Failure) -> [Misbehavior] {
        var json = text
        if text.hasPrefix("@") {
            guard let file = try? String(contentsOfFile: String(text.dropFirst()), encoding: .utf8)
            else {
                throw Failure(description: "SIMULATOR_BEHAVIOR names a file that cannot be read")
            }
            json = file
        }
        do {
            return try Misbehavior.list(try JSONParser.parse(json))
        } catch let error as APIError {
            throw Failure(description: "SIMULATOR_BEHAVIOR: \(error.message)")
        } catch {
            throw Failure(description: "SIMULATOR_BEHAVIOR is not JSON")
        }
    }

    /// Four a line.
    private static let modes: [String] = {
        let names = Misbehavior.Mode.allCases.map(\.rawValue)
        return stride(from: 0, to: names.count, by: 4).map { start in
            names[start..<min(start + 4, names.count)].joined(separator: " ")
        }
    }()

    package static let help = """
        Answers as the Chat Completions API does. It never calls out.

        ENVIRONMENT (flags win)
          SIMULATOR_HOST                 as --host
          SIMULATOR_PORT                 as --port
          SIMULATOR_LATENCY_MS           median[,p99], with p99 log-normal (0)
          SIMULATOR_SEED                 repeats latencies, ids, answers (1)
          SIMULATOR_SHUTDOWN_MODELS      a,b answer 404 model_not_found
          SIMULATOR_API_KEYS             a,b are accepted (any 'sk-sim…')
          SIMULATOR_REQUESTS_PER_MINUTE  per model, more is 429 (no limit)
          SIMULATOR_TOKENS_PER_MINUTE    per model, more is 429 (no limit)
          SIMULATOR_PROSE_TOKENS         of answers without a schema (60)
          SIMULATOR_BEHAVIOR             from the start: JSON, or @FILE
          SIMULATOR_LOG_LEVEL            trace … critical, to stderr (warning)

        THE API, with a Bearer key
          POST /v1/chat/completions
          GET /v1/models
          GET /v1/models/ID

        CONTROL, without a key
          GET /simulator/health
          GET /simulator/usage[?request_id=ID]
          GET, POST, DELETE /simulator/behavior
          POST /simulator/reset

        BEHAVIOR: {"mode": MODE}, or an array of them; the first that matches a call
        is used. Members, all optional:
          model, request_id_prefix       which calls
          key                            with this key
          times, after                   how many (until deleted), and how
                                         many go well before
          share                          0 to 1: some of them
          for_ms                         for so long
          latency_ms                     "median[,p99]" of those calls
          tokens                         length: how many are left
          status, code, type, message, param,
          retry_after, retry_after_ms, should_retry
                                         the error
        MODE:
          \(modes.joined(separator: "\n  "))
        """
}
