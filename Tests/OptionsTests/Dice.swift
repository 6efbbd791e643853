import Options

/// Chance that can be repeated: SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Shorthand for legs whose numbers are known to be good; a bad one fails the test that made it.
func leg(
    _ action: Action,
    _ kind: DraftLeg.Kind,
    _ strike: Double = 0,
    _ price: Double,
    quantity: Int = 1,
    expiry: CivilDate? = nil
) -> [Leg] {
    guard let quoted = MicroUSD(dollars: price) else { return [] }
    let instrument: Instrument
    switch (kind, Strike(dollars: strike)) {
    case (.stock, _): instrument = .stock
    case (.call, let strike?): instrument = .call(strike)
    case (.put, let strike?): instrument = .put(strike)
    case (_, nil): return []
    }
    return Leg(
        action,
        instrument,
        expiry: expiry,
        quantity: quantity,
        price: .quoted(quoted)
    ).map { [$0] } ?? []
}

/// A stock leg, entered at a price per share.
func shares(_ action: Action, _ count: Int, at price: Double) -> [Leg] {
    leg(action, .stock, 0, price, quantity: count)
}
