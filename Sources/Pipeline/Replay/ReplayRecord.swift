package import Contract
internal import Options
package import Policy

/// What an audit record tells of how a request was decided, read and not believed: the inputs of every
/// stage, and what came of them.
package struct ReplayRecord: Sendable {
    package let requestID: RequestID
    package let attempt: Int
    package let event: String
    /// What the caller was told, byte for byte.
    package let reply: [UInt8]
    /// The request, byte for byte, and the hash that was taken of it.
    package let request: [UInt8]
    package let payloadHash: String
    /// Unix milliseconds: the clock as the stages read it.
    package let times: Times
    package let screening: Screening?
    /// As `RestrictedList.text`; empty where nothing of the list bore on it.
    package let restricted: String
    package let limits: LimitsPayload?
    package let approvedFor: Int?
    /// The day whose rules were in force; nil where nothing was proposed.
    package let ruleDay: String?
    package let menu: Menu?
    package let calls: [Call]
    /// What a model said last.
    package let answer: [UInt8]?
    /// Whose answer that is, where it was found and no call was made.
    package let found: Found?
    /// Why no model's answer was passed on, where none was.
    package let degraded: String?
    package let source: String?

    package struct Times: Sendable {
        package let addedMs: Int64
        package let readMs: Int64
        package let deadlineMs: Int64
        package let pricedMs: Int64
        package let proposedMs: Int64
        package let repliedMs: Int64

        package init(
            addedMs: Int64,
            readMs: Int64,
            deadlineMs: Int64,
            pricedMs: Int64,
            proposedMs: Int64,
            repliedMs: Int64
        ) {
            self.addedMs = addedMs
            self.readMs = readMs
            self.deadlineMs = deadlineMs
            self.pricedMs = pricedMs
            self.proposedMs = proposedMs
            self.repliedMs = repliedMs
        }
    }

    package struct Screening: Equatable, Sendable {
        package let level: String
        package let score: Double
        package let reasons: [String]

        package init(level: String, score: Double, reasons: [String]) {
            (self.level, self.score, self.reasons) = (level, score, reasons)
        }
    }

    package struct Menu: Equatable, Sendable {
        package let count: Int
        package let fingerprint: String

        package init(count: Int, fingerprint: String) {
            (self.count, self.fingerprint) = (count, fingerprint)
        }
    }

    /// An answer that somebody else was given who asked the same.
    package struct Found: Sendable {
        package let endpoint: String
        package let modelName: String
        package let ageMs: Int64

        package init(endpoint: String, modelName: String, ageMs: Int64) {
            (self.endpoint, self.modelName, self.ageMs) = (endpoint, modelName, ageMs)
        }
    }

    /// A call to a model, as the books have it.
    package struct Call: Sendable {
        package let route: Route
        package let kind: String
        package let reservation: String
        package let modelName: String?
        package let promptVersion: String
        package let usage: TokenUsage?
        package let cost: NanoUSD
        package let isEstimated: Bool
        package let askedMs: Int64
        package let answeredMs: Int64

        package init(
            route: Route,
            kind: String,
            reservation: String,
            modelName: String?,
            promptVersion: String,
            usage: TokenUsage?,
            cost: NanoUSD,
            isEstimated: Bool,
            askedMs: Int64,
            answeredMs: Int64
        ) {
            self.route = route
            self.kind = kind
            self.reservation = reservation
            self.modelName = modelName
            self.promptVersion = promptVersion
            self.usage = usage
            self.cost = cost
            self.isEstimated = isEstimated
            self.askedMs = askedMs
            self.answeredMs = answeredMs
        }
    }

    package init(
        requestID: RequestID,
        attempt: Int,
        event: String,
        reply: [UInt8],
        request: [UInt8],
        payloadHash: String,
        times: Times,
        screening: Screening?,
        restricted: String,
        limits: LimitsPayload?,
        approvedFor: Int?,
        ruleDay: String?,
        menu: Menu?,
        calls: [Call],
        answer: [UInt8]?,
        found: Found?,
        degraded: String?,
        source: String?
    ) {
        self.requestID = requestID
        self.attempt = attempt
        self.event = event
        self.reply = reply
        self.request = request
        self.payloadHash = payloadHash
        self.times = times
        self.screening = screening
        self.restricted = restricted
        self.limits = limits
        self.approvedFor = approvedFor
        self.ruleDay = ruleDay
        self.menu = menu
        self.calls = calls
        self.answer = answer
        self.found = found
        self.degraded = degraded
        self.source = source
    }
}

/// What operators had set where it was decided.
package struct DecisionSettings: Sendable {
    package let rules: Proposing.Rules
    /// `RISK_FREE_RATE`.
    package let rate: Double
    /// `ENABLE_SECURITY_VALIDATION`, and `SECURITY_STRICT`.
    package let screensTexts: Bool
    package let refusesFlagged: Bool

    package init(
        rules: Proposing.Rules,
        rate: Double,
        screensTexts: Bool,
        refusesFlagged: Bool
    ) {
        self.rules = rules
        self.rate = rate
        self.screensTexts = screensTexts
        self.refusesFlagged = refusesFlagged
    }
}
