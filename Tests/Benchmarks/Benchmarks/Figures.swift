import Foundation
import Histogram

/// A figure measured in several rounds: its median, and how far the rounds lie apart.
struct Figure: Codable, Sendable {
    let name: String
    let unit: String
    let median: Double
    let min: Double
    let max: Double
    let rounds: [Double]

    init(_ name: String, _ unit: String, _ rounds: [Double]) {
        self.name = name
        self.unit = unit
        self.rounds = rounds
        median = rounds.median
        min = rounds.min() ?? .nan
        max = rounds.max() ?? .nan
    }

    var text: String {
        let spread = rounds.count > 1 ? "  (\(min.short) … \(max.short))" : ""
        return "\(median.short) \(unit)\(spread)"
    }
}

/// What a figure must not exceed.
struct Bar: Codable, Sendable {
    let name: String
    let measured: Double
    let limit: Double
    let unit: String

    var isMet: Bool { measured <= limit }
    var text: String {
        "\(name): \(measured.short) \(unit), bar ≤ \(limit.short) \(unit)  "
            + (isMet ? "pass" : "FAIL")
    }
}

/// What one row has found.
struct RowReport: Codable, Sendable {
    let name: String
    let title: String
    /// By program; the order is that of the table.
    var figures: [Group] = []
    var bars: [Bar] = []
    var remarks: [String] = []
    /// The part of the machine that others used meanwhile, 0…1.
    var noise = Double.nan
    /// Before and after.
    var loadAverage: [Double] = []

    struct Group: Codable, Sendable {
        let program: String
        let figures: [Figure]
    }

    init(_ row: any Row) {
        name = row.name
        title = row.title
    }
}

/// All that a run has found, and what it was found with.
struct Report: Codable, Sendable {
    var isQuick = false
    let at: String
    let seed: UInt64
    let cores: Int
    let nice: Int
    let versions: [String: String]
    /// Of the worker's real request to the model, and of its real answer on the reply stream.
    let bodyBytes: Int
    let answerBytes: Int
    var rows: [RowReport] = []

    var isMet: Bool { rows.allSatisfy { $0.bars.allSatisfy(\.isMet) } }

    init(about stand: Stand) async throws {
        at = Date.now.formatted(.iso8601)
        seed = stand.seed
        nice = Priority.nice
        cores = ProcessInfo.processInfo.activeProcessorCount
        versions = try await stand.versions()
        bodyBytes = stand.captured.body.count
        answerBytes = stand.captured.answer.count
    }

    /// - Returns: The file's path.
    func write(to folder: URL) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        let file = folder.appending(path: "\(at.replacing(":", with: "")).json")
        try encoder.encode(self).write(to: file)
        return file.path
    }
}

extension Report {
    /// The table for people: medians, with the least and the most of the rounds behind them.
    var table: String {
        var lines = [
            "",
            "\(cores) cores shared by all processes · nice \(nice) · seed \(seed)"
                + " · request \(bodyBytes) B, answer \(answerBytes) B"
                + (isQuick ? " · quick: too short to be judged" : ""),
        ]
        for (name, version) in versions.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(name.padded(to: 10))\(version)")
        }
        for row in rows { lines += row.lines }
        return lines.joined(separator: "\n")
    }
}

extension RowReport {
    fileprivate var lines: [String] {
        var lines = ["", "\(name)  \(title)"]
        let width = figures.flatMap(\.figures).map(\.name.count).max() ?? 0
        for group in figures {
            for (index, figure) in group.figures.enumerated() {
                let program = index == 0 ? group.program : ""
                lines.append(
                    "   \(program.padded(to: 22))\(figure.name.padded(to: width + 2))"
                        + figure.text
                )
            }
        }
        lines += bars.map { "   → \($0.text)" }
        lines += remarks.map { "   · \($0)" }
        let load = loadAverage.map { String(format: "%.1f", $0) }.joined(separator: " → ")
        lines.append(
            "   · noise: others used \(String(format: "%.0f", noise * 100)) % of the machine; "
                + "load average \(load)"
        )
        return lines
    }
}

/// Whole milliseconds, as many as were recorded: Redis' entry IDs know no finer.
struct Latencies {
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: 600_000,
        numberOfSignificantValueDigits: .three
    )

    mutating func record(_ milliseconds: Int64) {
        // Below zero only by rounding: both ends are cut down to a whole millisecond.
        _ = histogram.record(UInt64(max(milliseconds, 0)))
    }

    func percentile(_ percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile))
    }
    var largest: Double { Double(histogram.max) }
}

extension [Double] {
    var median: Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        let middle = count / 2
        return count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

extension Double {
    /// Three digits or so: more would claim more than a bench can know.
    fileprivate var short: String {
        switch abs(self) {
        case 100...: String(format: "%.0f", self)
        case 10..<100: String(format: "%.1f", self)
        default: String(format: "%.2f", self)
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(width - count, 0))
    }
}
