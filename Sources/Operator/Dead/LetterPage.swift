import ArgumentParser
import Contract
import Desk
import JSON

extension LetterPlace {
    /// What was given as a letter's id, or a status.
    init(_ text: String, in surroundings: Surroundings) throws {
        guard let place = LetterPlace(text, of: surroundings.partitions) else {
            complain(
                surroundings.partitions == 1
                    ? "\(text) is no letter's id: expected MILLISECONDS-NUMBER, as `dead list` prints it"
                    : "\(text) is no letter's id: expected PARTITION/MILLISECONDS-NUMBER"
            )
            throw ExitCode.usage
        }
        self = place
    }
}

extension Letter {
    static func page(_ letters: [Letter], of total: Int) -> String {
        guard !letters.isEmpty else {
            return total == 0
                ? "No dead letters: every entry named a request, and was finished or answered."
                : "None of the \(Figures.count(total, "dead letter", "dead letters")) has these words."
        }
        let rows = letters.map { letter in
            [
                letter.place.text, Figures.time(letter.at), letter.queue,
                Letter.shortened(letter.requestID ?? "(none)"), letter.attempts ?? "",
                "\(letter.byteCount)", letter.reason,
            ]
        }
        let head = ["id", "when", "stream", "request", "attempts", "bytes", "reason"]
        let more =
            letters.count < total ? "\n\n  \(letters.count) of \(total); --limit shows more" : ""
        return Table([head] + rows, toTheRight: [4, 5]).lines.joined(separator: "\n") + more
    }
}

extension LetterContent {
    func print(_ json: Bool, payload showsPayload: Bool) {
        if json { return printJSON { write(to: &$0, payload: showsPayload) } }
        var rows = about.map { [$0.name, $0.name == "at" ? Self.time($0.value) : $0.value] }
        for (name, value) in entry {
            let label = Letter.shortened(String(decoding: name, as: UTF8.self))
            let isHidden = name.elementsEqual("payload".utf8) && !showsPayload
            let text =
                isHidden
                ? Figures.count(value.count, "byte", "bytes") + "; --payload prints them"
                : Self.printable(value)
            rows.append(["entry.\(label)", text])
        }
        Swift.print(Ink.bold(place.text))
        for line in Table(rows, toTheRight: []).lines { Swift.print(line) }
    }

    private static func time(_ text: String) -> String { Int64(text).map(Figures.time) ?? text }

    /// Nothing that could move a terminal's cursor.
    private static func printable(_ bytes: [UInt8]) -> String {
        String(
            String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
                $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0)
            }
        )
    }
}

extension ReplayPlan {
    func line(done: Bool) -> String {
        guard let request else { return "  \(Ink.yellow("cannot"))  \(place.text): \(obstacle)" }
        return "  \(done ? "replayed" : "would replay")  \(place.text) as \(request.id) on "
            + request.queue.rawValue
    }
}
