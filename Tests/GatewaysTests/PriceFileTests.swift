import Contract
import Foundation
import Gateways
import Policy
import TestSupport
import Testing

struct PriceFileTests {
    /// Names, then dollars a million tokens in, cached, written to the cache, out; the most tokens
    /// out; whether it takes a schema; the day it ends. As the vendor's price table had it in
    /// November 2026, by two independent price maps that agree.
    private static let table: [Row] = [
        Row(
            ["gpt-4-turbo", "gpt-4-turbo-2024-04-09", "gpt-4-1106-preview"],
            "10",
            nil,
            nil,
            "30",
            4_096,
            .legacy,
            "2026-10-23"
        ),
        Row(
            ["gpt-4-turbo-preview", "gpt-4-0125-preview"],
            "10",
            nil,
            nil,
            "30",
            4_096,
            .legacy,
            "2026-03-26"
        ),
        Row(
            ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20"],
            "2.5",
            "1.25",
            nil,
            "10",
            16_384,
            .chat,
            "2027-01-14"
        ),
        Row(["gpt-4o-2024-05-13"], "5", nil, nil, "15", 4_096, .legacy, "2026-10-23"),
        Row(["gpt-4o-mini"], "0.15", "0.075", nil, "0.6", 16_384, .chat, "2027-01-14"),
        Row(["gpt-4.1"], "2", "0.5", nil, "8", 32_768, .chat, "2027-01-14"),
        Row(["gpt-4.1-mini"], "0.4", "0.1", nil, "1.6", 32_768, .chat, "2027-01-14"),
        Row(["gpt-4.1-nano"], "0.1", "0.025", nil, "0.4", 32_768, .chat, "2026-10-23"),
        Row(
            ["gpt-3.5-turbo", "gpt-3.5-turbo-0125"],
            "0.5",
            nil,
            nil,
            "1.5",
            4_096,
            .legacy,
            "2026-10-23"
        ),
        Row(["gpt-6-luna"], "0.1", "0.01", "0.125", "0.5", nil, .reasoning, nil),
        Row(["gpt-6.1-terra"], "1", "0.05", nil, "5", nil, .reasoning, nil),
        Row(["gpt-6-sol"], "2", "0.2", nil, "10", nil, .reasoning, nil),
    ]

    private struct Row: Sendable {
        let names: [String]
        let price: Price
        let outputTokensMax: Int?
        let dialect: ModelRow.Dialect
        let shutdown: String?

        init(
            _ names: [String],
            _ input: String,
            _ cached: String?,
            _ written: String?,
            _ output: String,
            _ outputTokensMax: Int?,
            _ dialect: ModelRow.Dialect,
            _ shutdown: String?
        ) {
            func nanos(_ dollars: String) -> NanoUSD {
                let scaled = (Decimal(string: dollars) ?? -1) * 1_000_000_000
                return NanoUSD(NSDecimalNumber(decimal: scaled).int64Value)
            }
            self.names = names
            price = Price(
                inputPerMillion: nanos(input),
                cachedInputPerMillion: cached.map(nanos),
                cacheWritePerMillion: written.map(nanos),
                outputPerMillion: nanos(output)
            )
            (self.outputTokensMax, self.dialect) = (outputTokensMax, dialect)
            self.shutdown = shutdown
        }
    }

    @Test func `the built-in file is the vendor's table`() throws {
        let catalog = try PriceFile.builtIn()
        for expected in Self.table {
            for name in expected.names {
                let row = try #require(catalog[name], "\(name)")
                #expect(row.price == expected.price, "\(name)")
                #expect(row.outputTokensMax == expected.outputTokensMax, "\(name)")
                #expect(row.dialect == expected.dialect, "\(name)")
                #expect(row.shutdown == expected.shutdown, "\(name)")
            }
        }
        let known = Set(Self.table.flatMap(\.names))
        for name in catalog.names where !known.contains(name) {
            // The dated names behind those of the table.
            #expect(known.contains(where: { name.hasPrefix($0 + "-20") }), "\(name)")
        }
    }

    @Test func `the model that is asked by default has a price`() throws {
        #expect(try PriceFile.builtIn()["gpt-4-turbo-preview"] != nil)
    }

    private func file(_ row: String) -> [UInt8] {
        Array(#"{"version":"1","models":[\#(row)]}"#.utf8)
    }

    private func row(
        input: String = "\"1\"",
        dialect: String = "\"chat\"",
        context: String = "1000"
    ) -> String {
        #"{"name":"m","input":\#(input),"output":"2","context":\#(context),"dialect":\#(dialect)}"#
    }

    @Test(arguments: [
        ("\"10\"", 10_000_000_000), ("\"0.075\"", 75_000_000), ("\"0.000000001\"", 1),
        ("\"999999.999999999\"", 999_999_999_999_999), ("\"0\"", 0), ("\"2.50\"", 2_500_000_000),
    ])
    func `a price is an exact decimal`(text: String, nanos: Int64) throws {
        let catalog = try PriceFile.catalog(file(row(input: text)))
        #expect(catalog["m"]?.price.inputPerMillion == NanoUSD(nanos))
    }

    @Test(arguments: [
        "10", "\"\"", "\".5\"", "\"1.\"", "\"-1\"", "\"+1\"", "\"1,5\"", "\"1e3\"",
        "\"1.0000000001\"",
        "\"1234567\"", "\"1.2.3\"", "\" 1\"", "\"½\"", "\"٣\"", "null",
    ])
    func `what is no price is refused, and its place told`(text: String) {
        #expect {
            try PriceFile.catalog(file(row(input: text)))
        } throws: { error in
            "\(error)".contains("/models/0/input")
        }
    }

    @Test func `a file of another form is refused`() {
        let wrong: [[UInt8]] = [
            [], Array("{}".utf8), Array("[]".utf8), file(row(dialect: "\"latin\"")),
            file(row(context: "0")), file("{}"), file("7"), Array(#"{"models":[]}"#.utf8),
        ]
        for bytes in wrong {
            #expect(throws: PriceFileError.self) { try PriceFile.catalog(bytes) }
        }
    }

    @Test func `a file is read from its path, and one that is absent or huge is refused`() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("prices.json")
        try Data(file(row())).write(to: URL(filePath: path))
        #expect(try PriceFile.read(path)["m"]?.name == "m")
        #expect(throws: PriceFileError.self) { try PriceFile.read(folder.path("absent")) }
        #expect(throws: PriceFileError.self) { try PriceFile.read(folder.url.path) }
        try Data(count: 1_048_577).write(to: URL(filePath: path))
        #expect(throws: PriceFileError.self) { try PriceFile.read(path) }
    }
}
