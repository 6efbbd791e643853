/// An entry of the rule catalogue: what is looked at, how much it matters, and on whose word.
package struct Rule: Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable, CaseIterable {
        /// Nothing that fails may be published.
        case block
        /// Put right deterministically, recorded, and everything looked at again.
        case repair
        case warning
        case information
    }

    /// What must be known before a rule can be looked at.
    package enum Need: String, Hashable, Sendable, CaseIterable {
        case legs
        case spot
        case volatility
        case calendar
        case chain
        case account
        case equity
        case positions
        case portfolioGreeks = "portfolio_greeks"
        case vix
        case dividends
        case events
        case fees
        case claims
        case prose
        case intent
        case model
    }

    /// Who the operator is decides which compliance rules bind it.
    package enum Operator: String, Hashable, Sendable, CaseIterable {
        case brokerDealer = "broker_dealer"
        case adviser
        case publisher
        case selfDirected = "self_directed"
    }

    /// A wording of the rule and the days on which it is in force; nil is open.
    package struct Edition: Hashable, Sendable {
        package let from: CivilDate?
        package let until: CivilDate?
        package let source: String

        package func isInForce(on date: CivilDate) -> Bool {
            (from.map { $0 <= date } ?? true) && (until.map { date <= $0 } ?? true)
        }
    }

    /// Stable: a letter for the family (S structure, R risk, C compliance, O output), two digits.
    package let id: String
    package let severity: Severity
    /// Unknown, it leaves the whole verdict conditional at best.
    package let isEssential: Bool
    package let needs: Set<Need>
    /// What it asks, in a sentence.
    package let title: String
    /// A threshold of our own, without a regulatory source: configuration, not law.
    package let isPolicy: Bool
    package let operators: Set<Operator>
    package let editions: [Edition]
    /// What is said when nobody could look at it; written once, since most reports say it.
    let unmet: String

    init(
        _ id: String,
        _ severity: Severity,
        _ title: String,
        needs: Set<Need> = [.legs],
        source: String,
        essential: Bool = false,
        policy: Bool = false,
        operators: Set<Operator> = Set(Operator.allCases),
        editions: [Edition]? = nil
    ) {
        self.id = id
        self.severity = severity
        self.title = title
        self.needs = needs
        self.isEssential = essential
        self.isPolicy = policy
        unmet = "Needs " + needs.map(\.rawValue).sorted().joined(separator: ", ") + "."
        self.operators = operators
        self.editions = editions ?? [Edition(from: nil, until: nil, source: source)]
    }

    /// The source in force on a day; nil when the rule is not.
    package func edition(on date: CivilDate) -> Edition? {
        editions.last { $0.isInForce(on: date) }
    }
}

/// The rules that bind an operator on a day, so that an old request can be judged under the
/// rules of its own day.
package struct RulePack: Sendable {
    package let date: CivilDate
    package let status: Rule.Operator
    /// In the order of the catalogue.
    package let rules: [Rule]
    /// Where a rule stands in `rules`, by the number that its id is; −1 where it does not.
    private let places: [Int8]
    /// A report that nobody has written to yet.
    let untouched: [RuleReport.Entry]
    private let essentials: [Bool]
    /// What follows how many were evaluated: of all that there are, and which do not bind.
    let coverageTail: String

    package init(on date: CivilDate, for status: Rule.Operator = .selfDirected) {
        self.date = date
        self.status = status
        rules = RuleCatalogue.all.filter {
            $0.operators.contains(status) && $0.edition(on: date) != nil
        }
        var places = [Int8](repeating: -1, count: Self.numbers)
        for (place, rule) in rules.enumerated() {
            if let number = Self.number(of: rule.id) { places[number] = Int8(place) }
        }
        self.places = places
        untouched = rules.map { RuleReport.Entry($0.severity) }
        essentials = rules.map(\.isEssential)
        let bound = Set(rules.map(\.id))
        let unbound = RuleCatalogue.all.map(\.id).filter { !bound.contains($0) }
        coverageTail =
            " of \(RuleCatalogue.all.count) evaluated"
            + (unbound.isEmpty ? "" : "; not in force: \(unbound.joined(separator: ", "))")
    }

    func isEssential(_ place: Int) -> Bool { essentials[place] }

    /// Year and month: what a reply names.
    package var name: String { String("\(date)".prefix(7)) }

    package subscript(id: String) -> Rule? { place(of: id).map { rules[$0] } }

    /// Looked up for every result of every report: by arithmetic, not by hash.
    func place(of id: String) -> Int? {
        guard let number = Self.number(of: id), places[number] >= 0 else { return nil }
        return Int(places[number])
    }

    private static let numbers = 26 * 100

    /// The same of an id in the program's own text.
    func place(of id: StaticString) -> Int? {
        let number = id.withUTF8Buffer { unsafe Self.number(of: $0.span) }
        guard let number, places[number] >= 0 else { return nil }
        return Int(places[number])
    }

    private static func number(of id: String) -> Int? { number(of: id.utf8Span.span) }

    /// `S07` is a letter and two digits; nil for anything else.
    private static func number(of bytes: Span<UInt8>) -> Int? {
        guard bytes.count == 3 else { return nil }
        let letter = Int(bytes[0]) - Int(UInt8(ascii: "A"))
        let (tens, ones) = (Int(bytes[1]) - 0x30, Int(bytes[2]) - 0x30)
        guard (0..<26).contains(letter), (0..<10).contains(tens), (0..<10).contains(ones)
        else { return nil }
        return letter * 100 + tens * 10 + ones
    }
}

/// All sixty rules, by family.
package enum RuleCatalogue {
    package static let all: [Rule] = structural + risk + compliance + output
}
