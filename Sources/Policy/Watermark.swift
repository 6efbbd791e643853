/// Whether the store's memory is too full for new work: `MEMORY_WATERMARK`.
///
/// Full from the mark on, and until memory has fallen a fiftieth below it, so that what goes on at the
/// mark does not stop and go by the second.
package struct Watermark: Sendable {
    private let fraction: Double
    package private(set) var isFull = false

    package enum Limits {
        /// Share of the mark by which memory must have fallen before there is room again.
        package static let gap = 0.02
    }

    /// - Parameter fraction: Of the memory that the store may use, above 0, at most 1.
    package init(_ fraction: Double) { self.fraction = fraction }

    /// - Parameter bytesMax: What the store may use; 0 when it has no limit, and is never full.
    package mutating func saw(bytesUsed: Int, of bytesMax: Int) {
        guard bytesMax > 0 else {
            isFull = false
            return
        }
        let mark = fraction * (isFull ? 1 - Limits.gap : 1)
        isFull = Double(bytesUsed) >= mark * Double(bytesMax)
    }
}
