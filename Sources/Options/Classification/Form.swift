/// The form of a strategy in a number, so that the catalogue's is found without writing it out.
///
/// Written, it is `+S -C1`, `+P1 -P2 -C3 +C4`, `-Ca1 +Cb1`: figures are ranks of strikes, letters
/// ranks of expiries where there are two, a number before the letter how many.
struct Form: Hashable, Sendable {
    /// Two bits of stock, then seven for each option.
    private var bits: UInt64 = 0
    private var count: UInt64 = 0

    /// No row of the catalogue has more.
    static let optionsMax = 4

    /// - Returns: False for more than a hundred shares a unit, which no row has.
    mutating func append(stock: Int) -> Bool {
        guard abs(stock) <= 1 else { return false }
        bits |= UInt64(stock + 1)
        return true
    }

    /// - Parameters:
    ///   - rank: Of the strike, from 1.
    ///   - expiry: 1 for the first of two, 2 for the second, 0 where there is one.
    /// - Returns: False for more units than any row has.
    mutating func append(_ units: Int, _ right: Right, rank: Int, expiry: Int) -> Bool {
        guard abs(units) <= 2, (1...4).contains(rank) else { return false }
        let option =
            UInt64(units + 2) << 5 | UInt64(right == .call ? 1 : 0) << 4 | UInt64(rank - 1) << 2
            | UInt64(expiry)
        bits |= option << (2 + 8 * count)
        count += 1
        return true
    }

    /// Nil for what is no form.
    init?(_ written: String) {
        self.init()
        var stock = 0
        var options: [Substring] = []
        for word in written.split(separator: " ") {
            if word.hasSuffix("S") {
                stock = word.hasPrefix("+") ? 1 : -1
            } else {
                options.append(word)
            }
        }
        guard append(stock: stock) else { return nil }
        for word in options {
            var rest = word
            let sign = rest.removeFirst() == "+" ? 1 : -1
            var units = 1
            if let number = rest.first?.wholeNumberValue {
                units = number
                rest.removeFirst()
            }
            let right: Right = rest.removeFirst() == "C" ? .call : .put
            let rank = rest.popLast()?.wholeNumberValue ?? 0
            let expiry = rest.isEmpty ? 0 : rest == "a" ? 1 : 2
            guard append(sign * units, right, rank: rank, expiry: expiry) else { return nil }
        }
    }

    init() {}
}
