/// What covers what: a short option is covered by a long one of its type that expires on or
/// after it, a short call by shares, a short put by shares sold short.
struct Cover: Sendable {
    let uncoveredCallShares: Int
    let uncoveredPutShares: Int
    private let holdsStock: Bool
    private let hasLongOption: Bool
    private let hasShortOption: Bool

    init(_ legs: [RankedLeg]) {
        self.init(
            legs.map {
                Line(
                    right: $0.leg.instrument.right,
                    expiry: $0.expiry,
                    shares: $0.leg.signedShares
                )
            }
        )
    }

    /// So many shares of one instrument, negative when owed.
    struct Line {
        /// Nil for stock.
        let right: Right?
        /// Whatever orders expiries.
        let expiry: Int
        let shares: Int
    }

    init(_ lines: [Line]) {
        var stock = 0
        var (long, short) = (false, false)
        var (first, several) = (Int?.none, false)
        for line in lines {
            guard line.right != nil else {
                stock += line.shares
                continue
            }
            if line.shares > 0 { long = true } else { short = true }
            several = several || first.map { $0 != line.expiry } ?? false
            first = first ?? line.expiry
        }
        // From the last expiry back: what is still alive then must cover itself.
        let expiries =
            several ? Set(lines.lazy.filter { $0.right != nil }.map(\.expiry)).sorted(by: >) : []
        var (calls, puts) = (0, 0)
        var (bareCalls, barePuts) = (first == nil ? max(0, -stock) : 0, 0)
        for place in 0..<(several ? expiries.count : first == nil ? 0 : 1) {
            for line in lines where !several || line.expiry == expiries[place] {
                switch line.right {
                case .call: calls += line.shares
                case .put: puts += line.shares
                case nil: break
                }
            }
            bareCalls = max(bareCalls, -(calls + stock))
            barePuts = max(barePuts, -(puts - min(0, stock)))
        }
        uncoveredCallShares = bareCalls
        uncoveredPutShares = barePuts
        holdsStock = stock > 0
        hasLongOption = long
        hasShortOption = short
    }

    /// The level that the legs need, whatever their name.
    var level: Int {
        if uncoveredCallShares > 0 || uncoveredPutShares > 0 { return 4 }
        if hasShortOption { return hasLongOption ? 3 : 1 }
        return hasLongOption ? 2 : 1
    }
}
