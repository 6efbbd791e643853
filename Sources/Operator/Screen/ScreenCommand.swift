import ArgumentParser
import Glibc
import JSON
import Policy

/// Says what the workers' screening would say of a text: no service is asked.
struct ScreenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "screen",
        abstract: "Screen texts as workers do, before anything is spent on them.",
        discussion: """
            Reads one JSON object, {"text":"…"}, and answers with
            {"verdict":"pass|flag|block","score":0.02,"reasons":[]}: what is flagged is answered
            under a stricter prompt, what is blocked is rejected. The score is the learned part's, 0
            to 1; it flags from 0.5 on. No text goes anywhere.

              echo '{"text":"Sell puts on SPY"}' | strategyctl screen
              strategyctl screen --jsonl < texts.jsonl > verdicts.jsonl

            With --jsonl every line gets one line, in order; one that cannot be screened gives
            {"error":{"code","message"}}, and the rest go on. --timings adds a line about how long it
            took, to standard error.

            EXIT STATUS
              0   screened; with --jsonl, read to its end
              64  wrong use    65  not to be screened    66  unreadable file
              74  cannot be written
            """
    )

    @Argument(help: "File with the document; - is standard input.")
    var file = "-"

    @Flag(help: "Read one document a line, and write one a line.")
    var jsonl = false

    @Flag(help: "Tell how long screening took.")
    var timings = false

    func run() throws {
        var desk = ScreeningDesk()
        if jsonl {
            try screenLines(&desk)
        } else {
            guard let bytes = InputFile.read(file, bytesMax: ScreeningDesk.documentBytesMax) else {
                complain("\(file) cannot be read, or has more than 1 MiB")
                throw ExitCode.noInput
            }
            let verdict: [UInt8]
            do throws(JSONError) {
                verdict = try desk.screen(bytes)
            } catch {
                try OutputFile.write(AnalysisRefusal(error).line)
                throw ExitCode.badInput
            }
            try OutputFile.write(verdict)
        }
        if timings { complain(desk.timings) }
    }

    private func screenLines(_ desk: inout ScreeningDesk) throws {
        var lines = try InputLines(file, bytesMax: ScreeningDesk.documentBytesMax)
        var written: [UInt8] = []
        while let line = try lines.next() {
            do throws(JSONError) {
                guard let bytes = line.bytes else {
                    throw JSONError(.tooLarge, "expected at most 1 MiB")
                }
                written += try desk.screen(bytes)
            } catch {
                written += AnalysisRefusal(error).line
            }
            if written.count >= 65_536 || !lines.hasNext {
                try OutputFile.write(written)
                written.removeAll(keepingCapacity: true)
            }
        }
        try OutputFile.write(written)
    }
}

/// Screens documents one after another.
struct ScreeningDesk: ~Copyable {
    static let documentBytesMax = 1 << 20

    private let screener = Screener()
    private var parser = JSONParser(limits: JSONLimits(bytesMax: documentBytesMax))
    /// Microseconds that each screening took.
    private var took: [Double] = []

    mutating func screen(_ document: [UInt8]) throws(JSONError) -> [UInt8] {
        let text = try parser.parse(document).object().required("text").string()
        let start = ContinuousClock.now
        let verdict = screener.screen(text)
        took.append((ContinuousClock.now - start) / .microseconds(1))
        var writer = JSONWriter(reservingCapacity: 128)
        writer.beginObject()
        writer.field("verdict", verdict.level.rawValue)
        writer.field("score", (verdict.score * 10_000).rounded() / 10_000)
        writer.key("reasons")
        writer.beginArray()
        for reason in verdict.reasons { writer.value(reason.code) }
        writer.endArray()
        writer.endObject()
        return writer.finish() + [UInt8(ascii: "\n")]
    }

    var timings: String {
        let sorted = took.sorted()
        func at(_ share: Double) -> Int {
            sorted.isEmpty ? 0 : Int(sorted[Int(Double(sorted.count - 1) * share)].rounded())
        }
        return "\(sorted.count) texts: median \(at(0.5)) µs, p99 \(at(0.99)) µs, most \(at(1)) µs"
    }
}
