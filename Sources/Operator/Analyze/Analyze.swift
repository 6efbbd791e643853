import ArgumentParser
import Glibc
import JSON
import Options

/// Computes what can be said about a set of legs, from a document alone: no service is asked.
struct Analyze: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compute payoff, chances, Greeks and margin of a set of legs.",
        discussion: """
            Reads one JSON object and answers with another; on a terminal, with a table and a
            picture. It computes, and refuses nothing that can be computed.

              strategyctl analyze strategy.json --svg payoff.svg
              strategyctl analyze --jsonl < strategies.jsonl > analyses.jsonl

              {"symbol":"SPY","spot":450,"as_of":"2026-11-23T15:00:00Z","volatility":0.2,
               "legs":[{"action":"buy","instrument":"call","strike":450,
                        "expiry":"2026-12-18","quantity":1,"price":5.25}]}

            With --jsonl every line gets one line, in order; one that cannot be analysed gives
            {"error":{"code","message"}}, and the rest go on.

            EXIT STATUS
              0   analysed; with --jsonl, read to its end
              64  wrong use    65  not to be analysed    66  unreadable file
              74  cannot be written
            """
    )

    @Argument(help: "File with the document; - is standard input.")
    var file = "-"

    @Flag(help: "Read one document a line, and write one a line.")
    var jsonl = false

    @ArgumentParser.Option(help: ArgumentHelp("Draw the payoff.", valueName: "file"))
    var svg: String?

    func validate() throws {
        if jsonl, svg != nil { throw ValidationError("--svg draws one document, not --jsonl") }
    }

    func run() throws {
        var reader = AnalysisReader()
        if jsonl { return try analyseLines(&reader) }
        guard let bytes = InputFile.read(file, bytesMax: AnalysisReader.documentBytesMax) else {
            complain("\(file) cannot be read, or has 16 MiB and more")
            throw ExitCode.noInput
        }
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let analysed: (request: AnalysisRequest, analysis: Analysis)
        do throws(AnalysisRefusal) {
            analysed = try reader.analyse(bytes)
        } catch {
            if isTerminal { complain(error.message) } else { try OutputFile.write(error.line) }
            throw ExitCode.badInput
        }
        let sketch = Sketch(analysed.request, analysed.analysis)
        if let svg { try OutputFile.write(Array(SVGPicture(sketch).text.utf8), to: svg) }
        if isTerminal {
            print(AnalysisPage(analysed.request, analysed.analysis, sketch).text)
        } else {
            try OutputFile.write(analysed.analysis.line)
        }
    }

    private func analyseLines(_ reader: inout AnalysisReader) throws {
        var lines = try InputLines(file, bytesMax: AnalysisReader.documentBytesMax)
        var written: [UInt8] = []
        while let line = try lines.next() {
            do throws(AnalysisRefusal) {
                guard let bytes = line.bytes else { throw .tooLong }
                written += try reader.analyse(bytes).analysis.line
            } catch {
                written += error.line
            }
            // Whoever waits for the answer to the line just sent must get it.
            if written.count >= 65_536 || !lines.hasNext {
                try OutputFile.write(written)
                written.removeAll(keepingCapacity: true)
            }
        }
        try OutputFile.write(written)
    }
}
