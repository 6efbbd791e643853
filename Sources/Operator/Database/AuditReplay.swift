import ArgumentParser
import Contract
import Desk
import Gateways
import JSON
import Pipeline
import Postgres
import Release

struct AuditReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Decide once more what a record says was decided, and compare byte for byte.",
        discussion: """
            The request, the clock's readings, the settings, what the books said was left
            and what the model answered are the record's; everything else is computed by
            this build: screening, rules, candidates, figures, findings, the reply.

              strategyctl audit replay 7d5c…

            EXIT STATUS
              0   the same came out    1  something else did: the first difference is named
              2   it cannot be replayed, and why: nothing was computed for it, its personal
                  half was erased, or it was decided by other rules or prompts
              3   there is no record of this request
              64  wrong use    69  PostgreSQL cannot be reached
            """
    )

    @Argument(help: "The request's id.")
    var id: String

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    private enum Finding {
        case outcome(Replay.Outcome, by: String)
        case refused(ReplayReading.Refusal)
    }

    func run() async throws {
        let id = try requestID(id)
        let entries = try await withDatabase(as: .reader) { pool in
            try await AuditTrail(pool: pool).entries(of: id)
        }
        let ends = ["result", "rejected", "failed", "cancelled", "batch_complete"]
        guard let entry = entries.last(where: { ends.contains($0.record.event) }) else {
            complain("there is no record of the end of \(id)")
            throw ExitCode(3)
        }
        try tell(await Self.replay(entry), entry.record)
    }

    private static func replay(_ entry: AuditTrail.Entry) async -> Finding {
        // What was changed since is no record of anything.
        guard entry.record.hash == entry.hash,
            entry.personal.map({ AuditRecord.digest($0) == entry.record.personalHash }) ?? true
        else { return .outcome(.differs("record: it is not what its hash was taken of"), by: "") }
        do throws(ReplayReading.Refusal) {
            let reading = try ReplayReading(entry)
            let outcome = await Replay(reading.record, under: reading.settings).run()
            return .outcome(outcome, by: reading.release)
        } catch {
            return .refused(error)
        }
    }

    private func tell(_ finding: Finding, _ record: AuditRecord) throws {
        let (word, what, release, status): (String, String?, String, ExitCode) =
            switch finding {
            case .outcome(.same, let release): ("same", nil, release, .success)
            case .outcome(.differs(let what), let release): ("differs", what, release, .negative)
            case .outcome(.impossible(let why), let release):
                ("impossible", why, release, ExitCode(2))
            case .refused(let refusal): ("impossible", "\(refusal)", "", ExitCode(2))
            }
        let other = release.isEmpty || release == Release.version ? nil : release
        if json {
            printJSON { writer in
                writer.object { writer in
                    writer.field("request_id", record.requestID)
                    writer.field("event", record.event)
                    writer.field("replay", word)
                    writer.field("what", orNull: what)
                    writer.field("decided_by", orNull: release.isEmpty ? nil : release)
                    writer.field("replayed_by", Release.version)
                }
            }
        } else {
            let event = record.code.isEmpty ? record.event : "\(record.event) \(record.code)"
            switch word {
            case "same":
                print(Ink.green("same") + "  \(event), byte for byte, what led to it included")
            case "differs": print(Ink.red("differs") + "  \(event): \(what ?? "")")
            default: print(Ink.yellow("cannot be replayed") + "  \(event): \(what ?? "")")
            }
            if let other { print("it was decided by release \(other), this is \(Release.version)") }
        }
        if status != .success { throw status }
    }
}
