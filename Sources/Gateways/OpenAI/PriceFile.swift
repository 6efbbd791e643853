internal import Contract
internal import JSON
package import Policy

/// The price file: models, how to speak to them, and what their tokens cost.
package enum PriceFile {
    /// The one that this release was built with.
    package static func builtIn() throws(PriceFileError) -> ModelCatalog {
        try catalog(PackageResources.models_json)
    }

    /// Reads a price file: the form is that of `Sources/Gateways/OpenAI/models.json`.
    package static func catalog(_ bytes: [UInt8]) throws(PriceFileError) -> ModelCatalog {
        var parser = JSONParser()
        do throws(JSONError) {
            let body = try parser.parse(bytes).object()
            return ModelCatalog(
                version: try body.required("version").string(),
                rows: try body.required("models").array().map(row)
            )
        } catch {
            throw PriceFileError(description: "the price file is wrong at \(error)")
        }
    }

    private static func row(_ value: JSONValue) throws(JSONError) -> ModelRow {
        let row = try value.object()
        return ModelRow(
            name: try row.required("name").string(),
            aliases: try row.optional("aliases")?.array()
                .map { (alias) throws(JSONError) in try alias.string() } ?? [],
            price: Price(
                inputPerMillion: try dollars(row.required("input")),
                cachedInputPerMillion: try row.optional("cached").map(dollars),
                cacheWritePerMillion: try row.optional("cache_write").map(dollars),
                outputPerMillion: try dollars(row.required("output"))
            ),
            contextTokensMax: Int(try row.required("context").int64(in: 1...1_000_000_000)),
            outputTokensMax: try row.optional("max_output")
                .map { (value) throws(JSONError) in Int(try value.int64(in: 1...1_000_000_000)) },
            dialect: try row.required("dialect").choice(),
            shutdown: try row.optional("shutdown")?.string()
        )
    }

    /// A decimal in a string, such as `"2.50"`: exact, where a JSON number would be a double.
    private static func dollars(_ value: JSONValue) throws(JSONError) -> NanoUSD {
        let parts = try value.string().split(separator: ".", omittingEmptySubsequences: false)
        let places = parts.count == 2 ? parts[1] : "0"
        guard (1...2).contains(parts.count), (1...9).contains(places.count),
            (1...6).contains(parts[0].count), parts.allSatisfy({ $0.allSatisfy(\.isNumber) }),
            let whole = Int64(parts[0]),
            let fraction = Int64(places + String(repeating: "0", count: 9 - places.count))
        else {
            throw value.error(.notAllowed, "expected dollars as a string, as \"2.50\"")
        }
        return NanoUSD(whole * NanoUSD.perDollar + fraction)
    }
}

package struct PriceFileError: Error, CustomStringConvertible {
    package let description: String
}

extension PriceFile {
    /// - Parameter path: `PRICE_FILE`; at most 1 MiB.
    package static func read(_ path: String) throws(PriceFileError) -> ModelCatalog {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileText.read(path)
        } catch {
            throw PriceFileError(description: error.description)
        }
        return try catalog(bytes)
    }
}
