/// Underlyings and strategies that the operator offers to nobody. A value: whoever keeps the file
/// reads it anew, and the next request is held against what it then says.
package struct RestrictedList: Hashable, Sendable {
    package private(set) var symbols: Set<String>
    package private(set) var strategies: Set<StrategyName>

    /// What a request or a strategy ran into.
    package enum Hit: Hashable, Sendable {
        case symbol(String)
        case strategy(StrategyName)

        /// For the log and the reply.
        package var sentence: String {
            switch self {
            case .symbol(let symbol): "\(symbol) is on the restricted list."
            case .strategy(let name): "The strategy \(name.rawValue) is on the restricted list."
            }
        }
    }

    /// A line that says nothing that can be restricted, counted from 1.
    package struct Fault: Error, Hashable, Sendable {
        package let line: Int
        package let message: String
    }

    package static let empty = RestrictedList()

    package init(symbols: Set<String> = [], strategies: Set<StrategyName> = []) {
        self.symbols = symbols
        self.strategies = strategies
    }

    /// Of what somebody ran into, that alone.
    package init(of hit: Hit) {
        switch hit {
        case .symbol(let symbol): self.init(symbols: [symbol])
        case .strategy(let name): self.init(strategies: [name])
        }
    }

    /// Reads `symbol XYZ` and `strategy iron_condor`, one a line; `#` begins a remark.
    package init(text: String) throws(Fault) {
        self.init()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let words = line.prefix { $0 != "#" }
            if words.allSatisfy(\.isWhitespace) { continue }
            guard let entry = Entry(line: words) else {
                throw Fault(
                    line: index + 1,
                    message: "expected “symbol TICKER” or “strategy NAME”"
                )
            }
            add(entry)
        }
    }

    /// One thing that may be put on the list or taken off.
    package enum Entry: Hashable, Sendable {
        case symbol(String)
        case strategy(StrategyName)

        /// `symbol XYZ` or `strategy iron_condor`.
        package init?(line: some StringProtocol) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count == 2 else { return nil }
            self.init(kind: words[0], name: words[1])
        }

        /// As `init(line:)` reads it.
        package var line: String {
            switch self {
            case .symbol(let symbol): "symbol \(symbol)"
            case .strategy(let strategy): "strategy \(strategy.rawValue)"
            }
        }

        package init?(kind: some StringProtocol, name: some StringProtocol) {
            switch kind {
            case "symbol":
                let ticker = name.uppercased()
                let isTicker = ticker.utf8.allSatisfy {
                    (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2E
                }
                guard (1...10).contains(ticker.utf8.count), isTicker else { return nil }
                self = .symbol(ticker)
            case "strategy":
                guard let strategy = StrategyName(rawValue: String(name)) else { return nil }
                self = .strategy(strategy)
            default: return nil
            }
        }
    }

    package mutating func add(_ entry: Entry) {
        switch entry {
        case .symbol(let symbol): symbols.insert(symbol)
        case .strategy(let strategy): strategies.insert(strategy)
        }
    }

    package mutating func remove(_ entry: Entry) {
        switch entry {
        case .symbol(let symbol): symbols.remove(symbol)
        case .strategy(let strategy): strategies.remove(strategy)
        }
    }

    /// What stands on one of them or on both.
    package func union(_ other: RestrictedList) -> RestrictedList {
        RestrictedList(
            symbols: symbols.union(other.symbols),
            strategies: strategies.union(other.strategies)
        )
    }

    /// The list as `init(text:)` reads it, in order, so that equal lists are equal bytes.
    package var text: String {
        let lines =
            symbols.sorted().map { "symbol \($0)\n" }
            + strategies.map(\.rawValue).sorted().map { "strategy \($0)\n" }
        return lines.joined()
    }

    /// A request for an underlying: also one whose index or share class is listed.
    package func hit(ticker: String) -> Hit? {
        let names = [ticker, Underlyings.underlying(ofRoot: ticker)]
        return names.first { symbols.contains($0) }.map { .symbol($0) }
    }

    /// A strategy on it; by what its legs are, never by what it is called.
    package func hit(ticker: String, _ name: StrategyName) -> Hit? {
        hit(ticker: ticker) ?? (strategies.contains(name) ? .strategy(name) : nil)
    }

    /// What may be offered of names that would be.
    package func admitted(_ allowed: Set<StrategyName>? = nil) -> Set<StrategyName>? {
        guard !strategies.isEmpty else { return allowed }
        return (allowed ?? Set(StrategyName.allCases)).subtracting(strategies)
    }
}
