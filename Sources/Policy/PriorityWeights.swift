package import Contract

/// What share each priority has of what all want at once: `PRIORITY_WEIGHTS`.
///
/// A share counts only against those who wait: what nobody of one priority uses, the others have.
package struct PriorityWeights: Equatable, Sendable {
    package let high: Int
    package let normal: Int
    package let low: Int

    package enum Limits {
        /// More than this to one makes no difference that anybody could see.
        package static let weights = 1...1_000
    }

    /// Of 21 requests that start while all wait, 16 are of `high`, 4 of `normal` and 1 of `low`.
    package static let standard = PriorityWeights(high: 16, normal: 4, low: 1)

    package init(high: Int, normal: Int, low: Int) {
        self.high = high
        self.normal = normal
        self.low = low
    }

    /// - Parameter text: `high:16,normal:4,low:1`, in any order, each once.
    /// - Returns: Nil for anything else.
    package init?(_ text: String) {
        var found: [Substring: Int] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: ":", omittingEmptySubsequences: false)
            guard halves.count == 2, let weight = Int(halves[1]),
                Limits.weights.contains(weight), found.updateValue(weight, forKey: halves[0]) == nil
            else { return nil }
        }
        guard found.count == 3, let high = found["high"], let normal = found["normal"],
            let low = found["low"]
        else { return nil }
        self.init(high: high, normal: normal, low: low)
    }

    /// Nil for the retry stream, which goes before all others.
    package subscript(queue: Queue) -> Int? {
        switch queue {
        case .retry: nil
        case .high: high
        case .normal: normal
        case .low: low
        }
    }
}
