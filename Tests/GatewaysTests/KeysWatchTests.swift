import Authorization
import Gateways
import Logging
import Synchronization
import Telemetry
import Testing

struct KeysWatchTests {
    private final class Lines: Sendable {
        let written = Mutex<[String]>([])
        var sink: LogSink {
            LogSink { [self] line in
                written.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
    }

    /// What a verifier says of keys that cannot be used.
    private func failure() async -> UnusableKeys? {
        do throws(UnusableKeys) {
            _ = try await TokenVerifier(.hs256(secret: []), nowMs: 0)
            return nil
        } catch {
            return error
        }
    }

    @Test func `keys that cannot be read are counted each time, and told once while it lasts`()
        async throws
    {
        let lines = Lines()
        let metrics = SupervisorMetrics(in: PrometheusRegistry(), version: "0")
        let log = Logger(label: "test") { label in
            JSONLogHandler(label: label, level: .info, format: .json, sink: lines.sink)
        }
        let watch = KeysWatch(metrics.authorization.keysUnread, log: log)
        let failure = try #require(await failure())
        watch.saw(nil)
        for _ in 0..<3 { watch.saw(failure) }
        #expect(lines.written.withLock { $0.count } == 1)
        watch.saw(nil)
        watch.saw(nil)
        watch.saw(failure)
        let written = lines.written.withLock { $0 }
        #expect(written.count == 3)
        #expect(written[0].contains("AUTH_JWKS") && written[0].contains(#""level":"warning""#))
        #expect(written[1].contains(#""failures":"3""#))
        #expect(metrics.authorization.keysUnread.value == 4)
    }
}
