internal import Contract
internal import JSON
package import Pipeline
internal import Policy

/// What of an audit record a replay needs, read; and whether this build is one that can replay it.
package struct ReplayReading: Sendable {
    package let record: ReplayRecord
    package let settings: DecisionSettings
    /// The release that decided.
    package let release: String

    /// Why a record cannot be replayed, in a sentence.
    package struct Refusal: Error, Sendable, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    private enum Limits {
        /// A record, its request and its reply.
        static let bytesMax = 64 << 20
        /// The request's own levels, and those around it.
        static let depthMax = 24
    }

    package init(_ entry: AuditTrail.Entry) throws(Refusal) {
        guard let personal = entry.personalText else {
            throw Refusal("its personal half was erased")
        }
        guard let reply = AuditText.member("reply", in: personal) else {
            throw Refusal("it ended nothing, and nobody was told anything")
        }
        guard let text = AuditText.member("record", in: personal) else {
            throw Refusal("it was ended without a worker, and nothing was computed for it")
        }
        guard let id = RequestID(entry.record.requestID) else {
            throw Refusal("it names no request")
        }
        let body: JSONObject
        do throws(JSONError) {
            body = try Self.object(text)
            try Self.check(body)
        } catch {
            throw Refusal("its record cannot be read: \(error)")
        }
        if let why = Self.lack(of: body) { throw Refusal(why) }
        guard let request = AuditText.member("request", in: text) else {
            throw Refusal("its request is not kept: it was no request in order, or nobody's")
        }
        do throws(JSONError) {
            let versions = try body.required("versions").object()
            release = try versions.required("release").string()
            settings = try DecisionSettings(versions.required("settings").object())
            record = try Self.record(id, entry, body, reply: reply, request: request)
        } catch {
            throw Refusal("its record cannot be read: \(error)")
        }
    }

    private static func check(_ body: JSONObject) throws(JSONError) {
        _ = try body.required("v").int64()
    }

    /// What keeps this build from replaying it; nil when nothing does.
    private static func lack(of body: JSONObject) -> String? {
        guard (try? body.required("v").int64()) == 2,
            let versions = try? body.required("versions").object()
        else { return "its record is an earlier release's, and lacks what a replay needs" }
        if let cut = try? body.optional("cut")?.array(), let what = cut.first(where: { _ in true })
        {
            return "its \((try? what.string()) ?? "request") was too long to be kept"
        }
        let rules = (try? versions.required("rules").string()) ?? ""
        if rules != Versions.rules {
            return "it was judged by the rules \(rules), and this build has \(Versions.rules)"
        }
        if let prompt = try? body.optional("prompt_version")?.string(),
            !Versions.prompts.contains(prompt)
        {
            return "its model was asked by the prompt \(prompt), which this build has not"
        }
        return nil
    }

    private static func object(_ text: [UInt8]) throws(JSONError) -> JSONObject {
        var parser = JSONParser(
            limits: JSONLimits(bytesMax: Limits.bytesMax, depthMax: Limits.depthMax)
        )
        return try parser.parse(text).object()
    }

    private static func record(
        _ id: RequestID,
        _ entry: AuditTrail.Entry,
        _ body: JSONObject,
        reply: [UInt8],
        request: [UInt8]
    ) throws(JSONError) -> ReplayRecord {
        let told = try object(reply)
        let content = try object(entry.record.content)
        let addedMs = try body.required("added_at").int64()
        let timing = try told.optional("timing")?.object()
        let candidates = try body.optional("candidates")?.int64()
        return ReplayRecord(
            requestID: id,
            attempt: entry.record.attempt,
            event: entry.record.event,
            reply: reply,
            request: request,
            payloadHash: try body.required("payload_hash").string(),
            times: .init(
                addedMs: addedMs,
                readMs: try body.required("read_at").int64(),
                deadlineMs: try body.required("deadline_at").int64(),
                pricedMs: try body.optional("priced_at")?.int64() ?? 0,
                proposedMs: try body.optional("proposed_at")?.int64() ?? 0,
                repliedMs: addedMs + (try timing?.optional("total_ms")?.int64() ?? 0)
            ),
            screening: try body.optional("screening").map { (value) throws(JSONError) in
                try screening(value.object())
            },
            restricted: try body.optional("restricted")?.string() ?? "",
            limits: try body.optional("limits").map { (value) throws(JSONError) in
                try limits(value.object())
            },
            approvedFor: try body.optional("approved_for").map { (value) throws(JSONError) in
                Int(try value.int64(in: 1...4))
            },
            ruleDay: try body.optional("rule_day")?.string(),
            menu: try candidates.map { (count) throws(JSONError) in
                .init(count: Int(count), fingerprint: try body.required("menu").string())
            },
            calls: try content.required("calls").array().map { (value) throws(JSONError) in
                try call(value.object())
            },
            answer: try body.optional("answer").map { (value) throws(JSONError) in
                Array(try value.string().utf8)
            },
            found: try body.optional("cache_age_ms").map { (age) throws(JSONError) in
                .init(
                    endpoint: try body.required("endpoint").string(),
                    modelName: try body.required("model").string(),
                    ageMs: try age.int64()
                )
            },
            degraded: try told.optional("degraded")?.string(),
            source: try told.optional("source")?.string()
        )
    }

    private static func screening(
        _ body: JSONObject
    ) throws(JSONError) -> ReplayRecord.Screening {
        .init(
            level: try body.required("level").string(),
            score: try body.required("score").double(),
            reasons: try body.required("reasons").array().map { (value) throws(JSONError) in
                try value.string()
            }
        )
    }

    private static func limits(_ body: JSONObject) throws(JSONError) -> LimitsPayload {
        LimitsPayload(
            tier: try body.required("tier").string(),
            requestsLeft: try body.optional("requests_left").map { (value) throws(JSONError) in
                Int(try value.int64())
            },
            costLeft: try body.optional("cost_left_nanousd").map { (value) throws(JSONError) in
                NanoUSD(try value.int64())
            },
            resetsAtMs: try body.optional("resets_at")?.int64()
        )
    }

    private static func call(_ body: JSONObject) throws(JSONError) -> ReplayRecord.Call {
        func tokens(_ name: StaticString) throws(JSONError) -> Int? {
            try body.optional(name).map { (value) throws(JSONError) in Int(try value.int64()) }
        }
        let prompt = try tokens("prompt_tokens")
        return .init(
            route: Route(
                endpoint: try body.required("endpoint").string(),
                model: try body.required("asked_model").string()
            ),
            kind: try body.required("kind").string(),
            reservation: try body.required("reservation").string(),
            modelName: try body.optional("model")?.string(),
            promptVersion: try body.required("prompt_version").string(),
            usage: try prompt.map { (prompt) throws(JSONError) in
                TokenUsage(
                    promptTokens: prompt,
                    cachedTokens: try tokens("cached_tokens") ?? 0,
                    completionTokens: try tokens("completion_tokens") ?? 0
                )
            },
            cost: NanoUSD(try body.required("cost_nanousd").int64()),
            isEstimated: try body.required("estimated").bool(),
            askedMs: try body.required("asked_at").int64(),
            answeredMs: try body.required("answered_at").int64()
        )
    }
}
