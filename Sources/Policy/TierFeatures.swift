package import Options

/// What each tier may be offered, beside how much of it.
extension Tier {
    /// Names that may be offered; nil is every strategy that `permits` lets through.
    package var strategies: Set<StrategyName>? { self == .free ? Self.basicStrategies : nil }

    /// Whether a strategy of these legs is within the tier: for free users what needs approval level
    /// 1 or 2, and verticals; for all others whatever has a largest loss; in custom mode, which is
    /// Enterprise's, the rules alone decide.
    package func permits(_ name: StrategyName, _ risk: Classification.Risk) -> Bool {
        switch self {
        case .free: risk == .defined && Self.basicStrategies.contains(name)
        case .basic, .premium: risk == .defined
        case .enterprise: true
        }
    }

    /// Whether the reply tells what the trade does to the whole portfolio.
    package var seesPortfolioImpact: Bool {
        switch self {
        case .free, .basic: false
        case .premium, .enterprise: true
        }
    }

    /// Whether it may ask for legs of the model's own making: `"mode":"custom"`.
    package var hasCustomMode: Bool { self == .enterprise }

    private static let basicStrategies: Set<StrategyName> = Set(
        StrategyName.allCases.filter { ($0.level ?? .max) <= 2 }
    ).union([.bullCallSpread, .bearPutSpread, .bullPutSpread, .bearCallSpread])
}
