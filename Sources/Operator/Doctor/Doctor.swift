import ArgumentParser
import Desk
import JSON
import Redis

/// Whether all is as the service needs it.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what is wrong: what, why it matters, and the command that mends it.",
        discussion: """
            Looks at Redis (version, mode, eviction, persistence, memory, clock), at every
            partition (groups, leader, workers, consumers without a sign of life, entries
            whose content is gone, outbox), and through the keys (replies that never
            expire). It changes nothing.

            It speaks of what this environment says: REDIS_URL, STREAM_PREFIX and
            PARTITIONS must be the workers'. Commands to mend are to be read before they
            are run.

              strategyctl doctor
              strategyctl doctor --json | jq '.checks[] | select(.ok | not)'

            EXIT STATUS
              0   all is well    1  something is not
              64  wrong use      69  Redis cannot be reached
            """
    )

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func run() async throws {
        let json = json
        try await withService { service in
            var checks = try await ServerChecks.run(in: service)
            checks.append(try await Agreements.check(in: service))
            let keyspace = try await Keyspace.scan(in: service)
            for partition in 0..<service.surroundings.partitions {
                checks += try await PartitionChecks.run(partition, keyspace, in: service)
            }
            checks.append(keyspace.check)
            let page = DoctorPage(checks)
            if json { printJSON(page.write) } else { print(page.text) }
            if !page.isAllWell { throw ExitCode.negative }
        }
    }
}

/// One thing that was looked at.
struct Check: Sendable {
    let name: String
    /// What was found.
    let detail: String
    /// Nil where it is well.
    let trouble: Trouble?

    struct Trouble: Sendable {
        let why: String
        /// A command, or what to do.
        let mend: String
    }

    static func well(_ name: String, _ detail: String) -> Check {
        Check(name: name, detail: detail, trouble: nil)
    }

    static func trouble(
        _ name: String,
        _ detail: String,
        why: String,
        mend: String
    ) -> Check {
        Check(name: name, detail: detail, trouble: Trouble(why: why, mend: mend))
    }
}

private struct DoctorPage {
    private let checks: [Check]
    let isAllWell: Bool

    init(_ checks: [Check]) {
        self.checks = checks
        isAllWell = checks.allSatisfy { $0.trouble == nil }
    }

    var text: String {
        let rows = checks.map { check in
            [check.trouble == nil ? "ok" : "!!", check.name, check.detail]
        }
        var lines = zip(Table(rows, toTheRight: []).lines, checks).flatMap { line, check in
            guard let trouble = check.trouble else { return [line] }
            return [
                Ink.red(line), "        why   \(trouble.why)", "        mend  \(trouble.mend)",
            ]
        }
        let count = checks.count { $0.trouble != nil }
        lines.append("")
        lines.append(
            isAllWell
                ? "\(Ink.green("All is well")): \(Figures.count(checks.count, "check", "checks"))."
                : "\(Figures.count(count, "finding", "findings")) in "
                    + "\(Figures.count(checks.count, "check", "checks"))."
        )
        return lines.joined(separator: "\n")
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("ok", isAllWell)
            writer.array("checks", checks) { writer, check in
                writer.object { writer in
                    writer.field("name", check.name)
                    writer.field("ok", check.trouble == nil)
                    writer.field("detail", check.detail)
                    if let trouble = check.trouble {
                        writer.field("why", trouble.why)
                        writer.field("mend", trouble.mend)
                    }
                }
            }
        }
    }
}
