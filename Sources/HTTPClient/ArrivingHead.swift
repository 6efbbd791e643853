/// The head of an answer while it comes, line by line.
struct ArrivingHead {
    /// Of the latest status line; 0 before the first.
    private(set) var status = 0
    private(set) var isComplete = false
    /// Whole lines, without the status line and the empty one.
    private(set) var lines: [UInt8] = []

    enum Step {
        case goesOn
        case isComplete
        case isTooLarge
    }

    /// Takes a line as curl gives it, with its end. Of trailers, which come when all is complete,
    /// nothing is kept.
    mutating func take(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        if unsafe Self.isStatusLine(line) {
            // A later head replaces an earlier one: 1xx before the final, first try before second.
            status = unsafe Self.status(in: line)
            isComplete = false
            lines.removeAll(keepingCapacity: true)
            return .goesOn
        }
        guard !isComplete else { return .goesOn }
        if line.count <= 2 {
            isComplete = status >= 200
            return isComplete ? .isComplete : .goesOn
        }
        guard lines.count + line.count <= HTTPClient.Limits.headBytesMax else { return .isTooLarge }
        if lines.isEmpty { lines.reserveCapacity(Self.usualBytes) }
        unsafe lines.append(contentsOf: line)
        return .goesOn
    }

    /// Most heads are no longer, and so are kept without moving.
    private static let usualBytes = 1_024

    private static func isStatusLine(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe line.count >= 5 && line[0] == UInt8(ascii: "H") && line[1] == UInt8(ascii: "T")
            && line[2] == UInt8(ascii: "T") && line[3] == UInt8(ascii: "P")
            && line[4] == UInt8(ascii: "/")
    }

    /// The number between the first two blanks; 0 when there is none.
    private static func status(in line: UnsafeBufferPointer<UInt8>) -> Int {
        guard let blank = unsafe line.firstIndex(of: 0x20) else { return 0 }
        var status = 0
        for index in (blank + 1)..<line.count {
            let byte = unsafe line[index]
            guard (0x30...0x39).contains(byte), status < 1_000 else { break }
            status = status * 10 + Int(byte - 0x30)
        }
        return status
    }
}
