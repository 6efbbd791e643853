/// Short options matched with the long ones that cover them, so that the gaps are small.
struct Pairing: Sendable {
    /// What the strikes of covered shorts lose against their covers, in dollars.
    let gapUSD: Double
    /// Short options that nothing covers, and how many shares of them.
    let bare: [(leg: Leg, shares: Int)]

    /// - Parameter stock: Shares that cover calls, or puts where negative.
    init(_ legs: [RankedLeg], stock: Int = 0) {
        var gap = 0.0
        var bare: [(leg: Leg, shares: Int)] = []
        for right in Right.allCases {
            let own = legs.filter { $0.leg.instrument.right == right }
            // A call is best covered by the lowest strike, a put by the highest.
            func better(_ a: RankedLeg, _ b: RankedLeg) -> Bool {
                let (a, b) = (Self.strike(a), Self.strike(b))
                return right == .call ? a < b : a > b
            }
            var covers = own.filter { $0.leg.action == .buy }.sorted(by: better)
                .map { (ranked: $0, left: $0.leg.signedShares) }
            var shares = right == .call ? max(0, stock) : max(0, -stock)
            for short in own.filter({ $0.leg.action == .sell }).sorted(by: better) {
                var open = -short.leg.signedShares
                for index in covers.indices where covers[index].ranked.expiry >= short.expiry {
                    let used = min(open, covers[index].left)
                    open -= used
                    covers[index].left -= used
                    let difference = Self.strike(covers[index].ranked) - Self.strike(short)
                    gap += max(0, Double(right.sign) * difference) * Double(used)
                }
                let delivered = min(open, shares)
                shares -= delivered
                open -= delivered
                if open > 0 { bare.append((short.leg, open)) }
            }
        }
        gapUSD = gap
        self.bare = bare
    }

    private static func strike(_ ranked: RankedLeg) -> Double {
        ranked.leg.instrument.strike?.dollars ?? 0
    }
}
