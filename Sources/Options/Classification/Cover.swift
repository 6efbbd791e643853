/// What covers what: a short option is covered by a long one of its type that expires on or
/// after it, a short call by shares, a short put by shares sold short.
struct Cover: Sendable {
    let uncoveredCallShares: Int
    let uncoveredPutShares: Int
    private let holdsStock: Bool
    private let hasLongOption: Bool
    private let hasShortOption: Bool

    init(_ legs: [RankedLeg]) {
        var stock = 0
        var changes: [Int: (calls: Int, puts: Int)] = [:]
        var (long, short) = (false, false)
        for ranked in legs {
            let shares = ranked.leg.signedShares
            guard let right = ranked.leg.instrument.right else {
                stock += shares
                continue
            }
            if shares > 0 { long = true } else { short = true }
            switch right {
            case .call: changes[ranked.expiry, default: (0, 0)].calls += shares
            case .put: changes[ranked.expiry, default: (0, 0)].puts += shares
            }
        }
        // From the last expiry back: what is still alive then must cover itself.
        var (calls, puts) = (0, 0)
        var (bareCalls, barePuts) = (changes.isEmpty ? max(0, -stock) : 0, 0)
        for expiry in changes.keys.sorted(by: >) {
            calls += changes[expiry]?.calls ?? 0
            puts += changes[expiry]?.puts ?? 0
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
