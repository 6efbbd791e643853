package import Contract
internal import JSON

/// Reads the payload of a `usage` entry.
struct UsageIntake: Sendable {
    let rules: Intake.Rules

    /// - Throws: What is wrong with it.
    func read(_ entry: RequestEntry, nowMs: Int64) throws(Rejection) -> UsageRequest {
        // As for batches, the parser goes with a rare document.
        var parser = JSONParser(
            limits: JSONLimits(bytesMax: rules.payloadBytesMax, depthMax: Intake.depthMax)
        )
        let document: JSONValue
        do throws(JSONError) {
            document = try parser.parse(entry.payload)
        } catch {
            throw Rejection(error)
        }
        let request = try UsageRequest(document, nowMs: nowMs)
        try rules.checkPartition(of: request.userID, at: "user_id")
        return request
    }

    func accepted(
        _ entry: RequestEntry,
        _ request: UsageRequest,
        _ identity: Identity,
        _ times: Accepted.Times
    ) -> AcceptedUsage {
        AcceptedUsage(entry: entry, request: request, identity: identity, times: times)
    }
}

/// A question for usage in order, read in time. Only the intake, in this file, can make one.
package final class AcceptedUsage: Sendable {
    package let entry: RequestEntry
    package let request: UsageRequest
    package let identity: Identity
    package let times: Accepted.Times

    /// The same, with what its credentials have proved.
    func permitted(tier: String?, seal: String) -> AcceptedUsage {
        AcceptedUsage(
            entry: entry,
            request: request,
            identity: identity.permitted(tier: tier, seal: seal),
            times: times
        )
    }

    fileprivate init(
        entry: RequestEntry,
        request: UsageRequest,
        identity: Identity,
        times: Accepted.Times
    ) {
        self.entry = entry
        self.request = request
        self.identity = identity
        self.times = times
    }

    /// Whom its answer is for.
    var address: Address {
        Address(
            requestID: entry.requestID,
            attempt: entry.history.attempt,
            trace: entry.trace,
            member: entry.member,
            replayOf: entry.replayOf
        )
    }
}
