import Desk
import Options

/// An analysis as a person reads it: the legs, the figures, the picture.
struct AnalysisPage {
    let text: String

    init(_ request: AnalysisRequest, _ analysis: Analysis, _ sketch: Sketch) {
        let traits = "level \(analysis.level), \(analysis.risk.rawValue) risk, \(analysis.model)"
        var lines = [Ink.bold(sketch.title) + " (\(traits))", ""]
        lines += Self.legs(request, analysis)
        lines.append("")
        lines += Self.figures(analysis)
        lines.append("")
        lines += TextPicture(sketch).lines
        text = lines.joined(separator: "\n")
    }

    private static func legs(_ request: AnalysisRequest, _ analysis: Analysis) -> [String] {
        var rows = [
            [
                "", "", "", "strike", "expiry", "price", "implied", "delta", "gamma", "theta",
                "vega", "rho",
            ]
        ]
        for (leg, found) in zip(request.legs, analysis.legs) {
            let isStock = leg.kind == .stock
            let end = leg.years.map { "\(Figures.plain($0)) y" } ?? leg.expiry?.description
            let implied =
                found.impliedVolatility.map(percent)
                ?? found.impliedVolatilityError?.rawValue.split(separator: "_")
                .joined(separator: " ")
            rows.append(
                [
                    leg.action.rawValue, String(leg.quantity), leg.kind.rawValue,
                    isStock ? "" : leg.strike.map(Figures.plain) ?? "", end ?? "",
                    Figures.dollars(found.price), implied ?? "",
                ] + greeks(found.greeks)
            )
        }
        return Table(rows, toTheRight: [1, 3, 5, 6, 7, 8, 9, 10, 11]).lines
    }

    private static func figures(_ analysis: Analysis) -> [String] {
        let net = analysis.netPremiumUSD
        let zeros =
            analysis.breakevens.map(Figures.plain)
            + analysis.zeroIntervals.map { interval in
                "\(Figures.plain(interval.low)) to \(interval.high.map(Figures.plain) ?? "infinity")"
            }
        var rows = [
            [net < 0 ? "debit" : "credit", Figures.dollars(net.magnitude)],
            ["max profit", analysis.maxProfitUSD.map(Figures.dollars) ?? "unlimited"],
            ["max loss", analysis.maxLossUSD.map(Figures.dollars) ?? "unlimited"],
            [zeros.count > 1 ? "breakevens" : "breakeven", zeros.joined(separator: ", ")],
        ]
        if let chance = analysis.probabilityOfProfit {
            rows.append(["chance of profit", percent(chance)])
        }
        if let mean = analysis.expectedValueUSD {
            rows.append(["expected value", Figures.dollars(mean)])
        }
        let rule = analysis.margin.rule.rawValue.split(separator: "_").joined(separator: " ")
        rows.append(["margin", "\(Figures.dollars(analysis.margin.usd)) (\(rule))"])
        if analysis.greeks != nil {
            let names = ["delta", "gamma", "theta a day", "vega a point", "rho a point"]
            let pairs = zip(names, greeks(analysis.greeks)).map { "\($0) \($1)" }
            rows.append(["position", pairs.joined(separator: ", ")])
        }
        return Table(rows, toTheRight: []).lines
    }

    private static func greeks(_ greeks: Greeks?) -> [String] {
        guard let greeks else { return ["", "", "", "", ""] }
        return [
            greeks.delta, greeks.gamma, greeks.thetaPerDay, greeks.vegaPerPoint,
            greeks.rhoPerPoint,
        ].map(Figures.plain)
    }

    private static func percent(_ share: Double) -> String {
        "\(Figures.plain((share * 10_000).rounded() / 100)) %"
    }
}
