package import JSON
internal import Options

/// What a `usage` entry asks for: what a user asked for in a span of time, and what it cost.
package struct UsageRequest: Equatable, Sendable {
    package let userID: String
    /// Unix milliseconds: from, and up to without.
    package let fromMs: Int64
    package let toMs: Int64

    package enum Limits {
        static let dayMs: Int64 = 86_400_000
        /// The longest span of one answer: a month, whose hours are some 90 KB.
        package static let spanMsMax: Int64 = 31 * dayMs
        /// Year 9999: what JSON and SQL can both say.
        static let msMax: Int64 = 253_402_300_799_000
    }

    /// Reads a payload that has been parsed.
    ///
    /// - Parameter nowMs: Up to when a question is that does not say; from a day before.
    /// - Throws: `invalid_request` with the JSON Pointer of the first thing that is wrong.
    package init(_ document: JSONValue, nowMs: Int64) throws(Rejection) {
        do throws(JSONError) {
            let body = try document.object()
            userID = try body.required("user_id").userID()
            // What ends in this very millisecond is in it.
            let end = try body.optional("to")?.moment() ?? nowMs + 1
            let from = body.optional("from")
            let start = try from?.moment() ?? max(end - Limits.dayMs, 0)
            guard start < end, end - start <= Limits.spanMsMax else {
                let wrong = if let from { from } else { try body.required("to") }
                throw wrong.error(
                    .outOfRange,
                    "expected a time before `to`, and at most 31 days before it"
                )
            }
            (fromMs, toMs) = (start, end)
        } catch {
            throw Rejection(error)
        }
    }
}

extension JSONValue {
    /// Unix milliseconds, an RFC 3339 time, or a day, which is its beginning in UTC.
    fileprivate func moment() throws(JSONError) -> Int64 {
        guard let word else { return try int64(in: 0...UsageRequest.Limits.msMax) }
        let instant =
            CivilDate(word).map { UTCInstant(seconds: $0.dayNumber * 86_400) } ?? UTCInstant(word)
        guard let instant else {
            throw error(
                .notAllowed,
                "expected Unix milliseconds, or a time, as 2026-11-23T15:00:00Z"
            )
        }
        let ms = Int64(instant.seconds) * 1_000 + Int64(instant.nanoseconds / 1_000_000)
        guard (0...UsageRequest.Limits.msMax).contains(ms) else {
            throw error(.outOfRange, "expected a time after 1970")
        }
        return ms
    }
}
