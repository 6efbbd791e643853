/// What is known about underlyings by their tickers alone.
package enum Underlyings {
    /// Cash-settled options on broad-based indices: European exercise, margin at 15 %.
    package static func isBroadIndex(_ ticker: String) -> Bool {
        broadIndices.contains(underlying(ofRoot: ticker))
    }

    /// The ticker whose options are listed under a root: `SPXW` belongs to `SPX`.
    package static func underlying(ofRoot root: String) -> String { aliases[root] ?? root }

    private static let broadIndices: Set<String> = [
        "SPX", "XSP", "NDX", "XND", "RUT", "MRUT", "DJX", "OEX", "XEO",
    ]
    private static let aliases = [
        "SPXW": "SPX", "NDXP": "NDX", "RUTW": "RUT", "VIXW": "VIX", "BRKB": "BRK.B",
    ]
}
