import Options

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
