/// Money, in billionths of a US dollar. Never a `Double`, which cannot hold a cent.
package struct NanoUSD: Hashable, Comparable, Sendable {
    package let amount: Int64

    package init(_ amount: Int64) { self.amount = amount }

    /// A decimal number of dollars, `100` or `0.0142`, of at most nine decimals. Nil for all else, and
    /// for more than fits.
    package init?(dollars text: String) {
        let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = halves.count == 2 ? halves[1] : ""
        guard let whole = halves.first, !whole.isEmpty, decimals.count <= 9,
            halves.count == 1 || !decimals.isEmpty,
            (whole + decimals).utf8.allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }),
            let amount = Int64(
                whole + decimals + String(repeating: "0", count: 9 - decimals.count)
            )
        else { return nil }
        self.init(amount)
    }

    package static let zero = NanoUSD(0)
    package static let perDollar: Int64 = 1_000_000_000

    package static func < (a: Self, b: Self) -> Bool { a.amount < b.amount }
    package static func + (a: Self, b: Self) -> Self { NanoUSD(a.amount + b.amount) }
    package static func - (a: Self, b: Self) -> Self { NanoUSD(a.amount - b.amount) }
}

extension NanoUSD: CustomStringConvertible {
    /// Dollars, exact: `0.0142`.
    package var description: String {
        let (whole, part) = amount.magnitude.quotientAndRemainder(
            dividingBy: UInt64(Self.perDollar)
        )
        var digits = String(part)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return (amount < 0 ? "-" : "") + "\(whole)" + (digits.isEmpty ? "" : ".\(digits)")
    }
}
