/// What the price file says of the models: how to speak to each, and what it costs.
package struct ModelCatalog: Equatable, Sendable {
    /// The file's own date; goes with every cost that was computed by it.
    package let version: String
    private let rows: [String: ModelRow]

    /// Later rows win over earlier ones of the same name, aliases included.
    package init(version: String, rows: [ModelRow]) {
        self.version = version
        var named: [String: ModelRow] = [:]
        for row in rows {
            for name in [row.name] + row.aliases { named[name] = row }
        }
        self.rows = named
    }

    /// The row of a model by its name or an alias; nil when the file does not know it.
    package subscript(_ name: String) -> ModelRow? { rows[name] }

    /// The row by which a call is charged: that of the model that answered, which may be a dated
    /// snapshot the file does not list, else that of the model that was asked.
    package func charged(answeredBy answered: String?, asked: ModelRow) -> ModelRow {
        answered.flatMap { rows[$0] } ?? asked
    }

    package var names: [String] { rows.keys.sorted() }
}

/// One model of the price file.
package struct ModelRow: Equatable, Sendable {
    package let name: String
    package let aliases: [String]
    package let price: Price
    /// Tokens a prompt and its answer may have together.
    package let contextTokensMax: Int
    /// Tokens an answer may have; nil where the provider states none.
    package let outputTokensMax: Int?
    package let dialect: Dialect
    /// The day it stops answering, `YYYY-MM-DD`; nil when none is announced.
    package let shutdown: String?

    /// How a family wants to be asked.
    package enum Dialect: String, CaseIterable, Sendable {
        /// `max_tokens`, and a forced strict tool: it refuses `json_schema`.
        case legacy
        /// `max_completion_tokens`, `json_schema`, any temperature.
        case chat
        /// As `chat`, but with its own fixed temperature.
        case reasoning
    }

    package init(
        name: String,
        aliases: [String],
        price: Price,
        contextTokensMax: Int,
        outputTokensMax: Int?,
        dialect: Dialect,
        shutdown: String?
    ) {
        self.name = name
        self.aliases = aliases
        self.price = price
        self.contextTokensMax = contextTokensMax
        self.outputTokensMax = outputTokensMax
        self.dialect = dialect
        self.shutdown = shutdown
    }
}
