package import Contract
internal import JSON

/// Reads the payload of a `batch` entry, and checks it as a whole.
struct BatchIntake: Sendable {
    let rules: Intake.Rules

    /// - Throws: What is wrong with the batch, naming the member that is.
    func read(_ entry: RequestEntry) throws(Rejection) -> BatchRequest {
        // Batches are rare, and a document of 4 MiB takes sixty while it is parsed: the parser goes
        // with it.
        var parser = JSONParser(
            limits: JSONLimits(
                bytesMax: rules.batchBytesMax,
                depthMax: Intake.depthMax + BatchRequest.depth
            )
        )
        let document: JSONValue
        do throws(JSONError) {
            document = try parser.parse(entry.payload)
        } catch {
            throw Rejection(error)
        }
        let request = try BatchRequest(
            document,
            envelope: entry.requestID,
            membersMax: rules.batchMembersMax
        )
        try rules.checkPartition(of: request.userID, at: "/user_id")
        for (index, member) in request.members.enumerated() {
            try rules.checkPartition(of: member.userID, at: "/requests/\(index)/user_id")
        }
        return request
    }

    func accepted(
        _ entry: RequestEntry,
        _ request: BatchRequest,
        _ identity: Identity,
        _ times: Accepted.Times
    ) -> AcceptedBatch {
        AcceptedBatch(entry: entry, request: request, identity: identity, times: times)
    }
}

/// A batch in order, read in time. Only the intake, in this file, can make one.
package final class AcceptedBatch: Sendable {
    package let entry: RequestEntry
    package let request: BatchRequest
    package let identity: Identity
    package let times: Accepted.Times

    /// The claims of each member, sealed; empty where no token is asked for.
    private let seals: [RequestID: String]

    package func seal(of member: BatchRequest.Member) -> String { seals[member.requestID] ?? "" }

    /// The same, with what its credentials have proved.
    func permitted(tier: String?, seal: String, members: [RequestID: String]) -> AcceptedBatch {
        AcceptedBatch(
            entry: entry,
            request: request,
            identity: identity.permitted(tier: tier, seal: seal),
            times: times,
            seals: members
        )
    }

    fileprivate init(
        entry: RequestEntry,
        request: BatchRequest,
        identity: Identity,
        times: Accepted.Times,
        seals: [RequestID: String] = [:]
    ) {
        self.seals = seals
        self.entry = entry
        self.request = request
        self.identity = identity
        self.times = times
    }

    /// Whom an event is for that ends the envelope before its batch does.
    var address: Address {
        Address(
            requestID: entry.requestID,
            attempt: entry.history.attempt,
            trace: entry.trace,
            replayOf: entry.replayOf
        )
    }
}
