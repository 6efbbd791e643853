/// What is known about underlyings by their tickers alone.
package enum Underlyings {
    /// Cash-settled options on broad-based indices: European exercise, margin at 15 %.
    package static func isBroadIndex(_ ticker: String) -> Bool {
        broadIndices.contains(underlying(ofRoot: ticker))
    }

    /// The ticker whose options are listed under a root: `SPXW` belongs to `SPX`.
    package static func underlying(ofRoot root: String) -> String { aliases[root] ?? root }

    /// The most contracts on one side of the market, where the exchanges set more than the least
    /// tier (Cboe Rule 8.30, end of 2026); nil elsewhere. The OCC's daily file is the truth.
    package static func positionLimit(_ ticker: String) -> Int? { positionLimits[ticker] }

    private static let positionLimits = [
        "SPY": 3_600_000, "QQQ": 1_800_000, "IWM": 1_000_000, "EEM": 1_000_000,
        "FXI": 1_000_000, "EFA": 1_000_000, "DIA": 300_000, "TLT": 500_000, "HYG": 500_000,
        "XLF": 500_000, "EWJ": 500_000, "EWZ": 500_000, "IBIT": 250_000,
    ]
    private static let broadIndices: Set<String> = [
        "SPX", "XSP", "NDX", "XND", "RUT", "MRUT", "DJX", "OEX", "XEO",
    ]
    private static let aliases = [
        "SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX", "BRKB": "BRK.B",
    ]
}
