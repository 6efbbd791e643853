/// Percentiles of what was counted in buckets.
package enum Percentiles {
    /// The value below which a share of all lies, between two edges as if all lay evenly there.
    ///
    /// - Parameters:
    ///   - share: 0.95 for the 95th percentile.
    ///   - numbers: One an edge, and one for what is beyond the last.
    /// - Returns: Nil when there is nothing. The last edge for what is beyond it.
    package static func value(
        at share: Double,
        of numbers: [UInt64],
        edges: [Double]
    ) -> Double? {
        let total = numbers.reduce(0, +)
        guard total > 0 else { return nil }
        let rank = share * Double(total)
        var below = 0.0
        for (index, number) in numbers.enumerated() where number > 0 {
            let reached = below + Double(number)
            if reached >= rank {
                guard index < edges.count else { return edges.last }
                let from = index == 0 ? 0 : edges[index - 1]
                return from + (edges[index] - from) * (rank - below) / Double(number)
            }
            below = reached
        }
        return edges.last
    }
}
