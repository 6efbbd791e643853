package import Configuration
package import EventLoop
internal import Gateways
package import Logging
import ServiceLifecycle

/// Reads the files of secrets again when one has changed, or when SIGHUP asks for it: for new
/// connections and calls, without a restart. What cannot be used leaves what was known in force.
package struct SecretWatch<Variable: ProgramVariable>: Service {
    private let files: SecretFiles<Variable>
    private let loop: EventLoop
    private let log: Logger
    private let hangUps: HangUps
    private let renew: @Sendable (ConfigReader) async throws(SettingsError) -> Void

    /// Calls what it is given whenever SIGHUP comes, which otherwise would end the process.
    package typealias HangUps = @Sendable (_ act: () async -> Void) async -> Void

    /// How often files are looked at.
    private static var interval: Duration { .seconds(1) }

    /// - Parameter renew: Takes over what may change while a process runs.
    package init(
        _ files: SecretFiles<Variable>,
        on loop: EventLoop,
        log: Logger,
        hangUps: @escaping HangUps,
        renew: @escaping @Sendable (ConfigReader) async throws(SettingsError) -> Void
    ) {
        self.files = files
        self.loop = loop
        self.log = log
        self.hangUps = hangUps
        self.renew = renew
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await lookAgain() }
                group.addTask { await hangUps { await read(because: "SIGHUP") } }
            }
        }
    }

    private func lookAgain() async {
        var known = files.stamps()
        while true {
            do { try await loop.sleep(for: Self.interval) } catch { return }
            let present = files.stamps()
            guard present != known else { continue }
            known = present
            await read(because: "a file has changed")
        }
    }

    private func read(because reason: String) async {
        do throws(SettingsError) {
            try await renew(try files.config())
            log.notice("secrets were read again", metadata: ["because": "\(reason)"])
        } catch {
            log.error(
                "secrets cannot be read again; those known stay in force",
                metadata: ["reason": "\(error)"]
            )
        }
    }
}
