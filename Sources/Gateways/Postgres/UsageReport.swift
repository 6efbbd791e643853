package import Contract
internal import JSON
package import Postgres

/// What one user asked for in a span of time and what it cost: the contract's `usage` result.
package struct UsageReport: Sendable {
    package let user: String
    /// Unix milliseconds: from, and up to without.
    package let fromMs: Int64
    package let toMs: Int64
    package let totals: Counts
    package let spans: [Span]
    package let models: [ModelUse]
    package let rejections: [(code: String, count: Int64)]

    package struct Counts: Sendable {
        /// Those that were admitted.
        package let requests: Int64
        package let results: Int64
        package let rejected: Int64
        package let failed: Int64
        package let cost: NanoUSD
    }

    package struct Span: Sendable {
        package let fromMs: Int64
        package let counts: Counts
    }

    package struct ModelUse: Sendable {
        package let name: String
        package let calls: Int64
        package let promptTokens: Int64
        package let cachedTokens: Int64
        package let completionTokens: Int64
        package let cost: NanoUSD
    }

    package enum Step: String, CaseIterable, Sendable { case hour, day }

    /// - Parameter limit: How long PostgreSQL may take over it.
    package static func read(
        of user: String,
        from fromMs: Int64,
        to toMs: Int64,
        by step: Step,
        in pool: PostgresPool,
        limit: Duration? = nil
    ) async throws(PostgresError) -> UsageReport {
        let span: [PostgresParameter] = [.text(user), .int(fromMs), .int(toMs)]
        let answers = try await pool.withTransaction(
            "ISOLATION LEVEL REPEATABLE READ READ ONLY"
        ) { (connection) throws(PostgresError) in
            try await connection.pipeline(
                [
                    PostgresStatement(Queries.usageTotals, span),
                    PostgresStatement(Queries.usageHours, span + [.text(step.rawValue)]),
                    PostgresStatement(Queries.usageModels, span),
                    PostgresStatement(Queries.usageRejections, span),
                ],
                limit: limit
            )
        }
        return UsageReport(user: user, fromMs: fromMs, toMs: toMs, answers)
    }

    private init(user: String, fromMs: Int64, toMs: Int64, _ answers: [PostgresRows]) {
        (self.user, self.fromMs, self.toMs) = (user, fromMs, toMs)
        func number(_ row: PostgresRow?, _ column: Int) -> Int64 { row?.int(column) ?? 0 }
        let sum = answers[0].first
        totals = Counts(
            requests: number(sum, 0),
            results: number(sum, 1),
            rejected: number(sum, 2),
            failed: number(sum, 3),
            cost: NanoUSD(number(sum, 5))
        )
        spans = answers[1].rows.map { row in
            Span(
                fromMs: number(row, 0),
                counts: Counts(
                    requests: number(row, 1),
                    results: number(row, 2),
                    rejected: number(row, 3),
                    failed: number(row, 4),
                    cost: NanoUSD(number(row, 5))
                )
            )
        }
        models = answers[2].rows.map { row in
            ModelUse(
                name: row.text(0) ?? "",
                calls: number(row, 1),
                promptTokens: number(row, 2),
                cachedTokens: number(row, 3),
                completionTokens: number(row, 4),
                cost: NanoUSD(number(row, 5))
            )
        }
        rejections = answers[3].rows.map { ($0.text(0) ?? "", number($0, 1)) }
    }
}

// MARK: - As JSON

extension UsageReport {
    /// - Parameter left: Left out where Redis could not be asked.
    package func json(limits left: LimitsPayload?) -> [UInt8] {
        JSONWriter.bytes(reserving: 512 + 128 * (spans.count + models.count)) { writer in
            writer.beginObject()
            writer.field("user_id", user)
            writer.field("from", fromMs)
            writer.field("to", toMs)
            writer.key("totals")
            writer.beginObject()
            Self.write(totals, to: &writer)
            writer.endObject()
            writer.key("hours")
            writer.beginArray()
            for span in spans {
                writer.beginObject()
                writer.field("from", span.fromMs)
                Self.write(span.counts, to: &writer)
                writer.endObject()
            }
            writer.endArray()
            writeModels(to: &writer)
            writer.key("rejections")
            writer.beginObject()
            for (code, count) in rejections {
                writer.key(escaping: code)
                writer.value(count)
            }
            writer.endObject()
            if let left {
                writer.key("limits")
                left.write(to: &writer)
            }
            writer.endObject()
        }
    }

    private func writeModels(to writer: inout JSONWriter) {
        writer.key("models")
        writer.beginArray()
        for model in models {
            writer.beginObject()
            writer.field("name", model.name)
            writer.field("calls", model.calls)
            writer.field("prompt_tokens", model.promptTokens)
            writer.field("cached_tokens", model.cachedTokens)
            writer.field("completion_tokens", model.completionTokens)
            writer.key("cost_usd")
            writer.decimal(model.cost.amount, scale: 9)
            writer.endObject()
        }
        writer.endArray()
    }

    private static func write(_ counts: Counts, to writer: inout JSONWriter) {
        writer.field("requests", counts.requests)
        writer.field("results", counts.results)
        writer.field("rejected", counts.rejected)
        writer.field("failed", counts.failed)
        writer.key("cost_usd")
        writer.decimal(counts.cost.amount, scale: 9)
    }
}
