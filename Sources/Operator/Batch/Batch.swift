import ArgumentParser
import Contract
import Desk
import Glibc
import JSON

/// Asks for many strategies at once, from a file with one request a line.
struct Batch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask for many strategies, one a line of a file; again, for what has no answer.",
        discussion: """
            Each line is a payload as `submit` takes it, on one line; it may have a
            `request_id` beside its other members. Without one its id is made from what it
            says, so that the same line has the same id: run the command again, and only
            what has no answer yet is pushed. To ask all of it anew, give the run another
            name (--run).

              strategyctl batch requests.jsonl --out answers.jsonl
              jq -c '.[]' saved.json | strategyctl batch - --priority normal --deadline 120
              strategyctl batch requests.jsonl --check       (only says which lines are wrong)

            Lines that are no request are told with their number, and the others go on.
            Requests are added as a burst with a batch id (`strategyctl cancel --batch ID`
            takes it back), a part at a time, and only while the service's `load` accepts
            them and tells a wait of at most --max-wait. --out has one line for each
            answer, written as it comes:
            {"line","request_id","event","attempt","at","payload"}; answers that are in it
            already are not asked for again. An answer can be read for ten minutes
            (REPLY_TTL): of one that ended longer ago only how it ended and its cost are
            known, for a day.

            Where AUTH_MODE asks for a token, it goes with each request (--token-file, or the
            variable AUTH_TOKEN), and all lines must be of its user.

            EXIT STATUS
              0   each line has a result
              1   each request has been answered, but lines were wrong, or some were
                  rejected, failed or cancelled
              4   some have no answer: run it again
              64  wrong use    66  unreadable file    69  Redis cannot be reached
              74  --out cannot be written
            """
    )

    @Argument(help: "File with one request a line; - is standard input.")
    var file: String

    @Option(help: "Where answers are written, as JSON lines; - is standard output.")
    var out: String?

    @Option(help: "high, normal or low.")
    var priority: Priority = .low

    @Option(help: "Seconds until each answer is due, from when it was added. [BATCH_TIMEOUT]")
    var deadline: Double?

    @Option(
        name: .customLong("run"),
        help: "The run's name, with which the ids of lines without one begin."
    )
    var runName = "batch"

    @OptionGroup var token: BearerToken

    @Option(help: "Nothing is added while it would wait longer, in seconds.")
    var maxWait = 600.0

    @Flag(help: "Say what is wrong with the lines, and push nothing.")
    var check = false

    @Flag(help: "Print the summary as JSON, and nothing else.")
    var json = false

    @Flag(help: "Say nothing on the way.")
    var quiet = false

    func validate() throws {
        if let deadline, !(0.1...3_600).contains(deadline) {
            throw ValidationError("--deadline takes seconds from 0.1 to 3600")
        }
        guard (0...86_400).contains(maxWait) else {
            throw ValidationError("--max-wait takes seconds from 0 to 86400")
        }
        guard (1...64).contains(runName.utf8.count), RequestID(runName) != nil else {
            throw ValidationError("--run takes 1–64 of A–Z a–z 0–9 _ - . :")
        }
        if json, out == "-" { throw ValidationError("--json and --out - cannot both print") }
    }

    func run() async throws {
        let surroundings = try Surroundings()
        let authorization = try token.field()
        let file = try BatchFile(file, run: runName, surroundings)
        for defect in file.defects { complain(defect.sentence) }
        if check { return try finishCheck(file) }
        let answers = try out.map { try AnswerFile($0) }
        let terms = BatchRun.Terms(
            priority: priority,
            deadlineMs: deadline.map { Int64($0 * 1_000) },
            maxWaitMs: Int64(maxWait * 1_000),
            runName: runName,
            authorization: authorization
        )
        let progress = quiet ? .silent : ProgressLine(json ? .silent : .standardError)
        let tally = try await withService { service in
            var run = BatchRun(file, terms, answers, progress, service)
            return try await run.carryOut()
        }
        progress.end()
        if json {
            printJSON(tally.write)
        } else if out == "-" {
            for line in tally.lines { note(line) }
        } else {
            for line in tally.lines { print(line) }
        }
        if tally.unanswered > 0 { throw ExitCode.noAnswer }
        if tally.isMixed { throw ExitCode.negative }
    }

    private func finishCheck(_ file: BatchFile) throws {
        let wrong = file.defects.count
        if json {
            printJSON { writer in
                writer.object { writer in
                    writer.field("requests", file.lines.count)
                    writer.array("wrong", file.defects) { $1.write(to: &$0) }
                }
            }
        } else {
            print(
                Figures.count(file.lines.count, "request is in order", "requests are in order")
                    + (wrong == 0 ? "" : ", \(Figures.count(wrong, "line is", "lines are")) not")
            )
        }
        if wrong > 0 { throw ExitCode.negative }
    }
}

/// Writes one line to standard error, as it is.
func note(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}
