/// S04 and S05: the symbols that somebody stated for the legs.
struct SymbolRules {

    private let known: Evidence
    /// One a leg; nil where none was stated.
    private let stated: [String?]

    init(_ known: Evidence, _ stated: [String?]) {
        self.known = known
        self.stated = stated
    }

    func write(to report: inout RuleReport) {
        var foreign: String?
        var wrong: String?
        var rewritten: String?
        for (leg, text) in zip(known.subject.legs, stated) {
            guard let text, case .option(let right, let strike) = leg.instrument,
                let expiry = leg.expiry
            else { continue }
            guard let symbol = OSISymbol(text) else {
                rewritten = rewritten ?? text
                continue
            }
            let root = Underlyings.underlying(ofRoot: symbol.root)
            let own = known.subject.ticker
            if symbol.isAdjusted || root != own && symbol.root != OSISymbol.root(forTicker: own) {
                foreign = foreign ?? text
            }
            let agrees =
                symbol.right == right && symbol.strike == strike && symbol.expiry == expiry
            if !agrees { wrong = wrong ?? text }
        }
        let own = result(
            "S04",
            .block,
            failsWith: foreign.map {
                "\($0) is no standard contract on \(known.subject.ticker)."
            },
            "Every leg stands on the underlying."
        )
        report.add(own)
        report.add(
            wrong.map { failure("S05", .block, "\($0) is another contract.") }
                ?? rewritten.map { repaired("S05", "\($0) is no symbol; it is made from the leg.") }
                ?? (stated.contains { $0 != nil }
                    ? result("S05", .repair, holds: true, "Every symbol is its leg's.")
                    : inapplicable("S05", "Symbols are made from the legs, none is stated."))
        )
    }
}
