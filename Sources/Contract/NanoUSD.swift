/// Money, in billionths of a US dollar. Never a `Double`, which cannot hold a cent.
package struct NanoUSD: Hashable, Comparable, Sendable {
    package let amount: Int64

    package init(_ amount: Int64) { self.amount = amount }

    package static let zero = NanoUSD(0)
    package static let perDollar: Int64 = 1_000_000_000

    package static func < (a: Self, b: Self) -> Bool { a.amount < b.amount }
    package static func + (a: Self, b: Self) -> Self { NanoUSD(a.amount + b.amount) }
    package static func - (a: Self, b: Self) -> Self { NanoUSD(a.amount - b.amount) }
}
