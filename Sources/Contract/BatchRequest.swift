package import JSON

/// What a `batch` entry asks for: many requests, to be added to a stream of their own priority.
///
/// Its members are read as far as the batch must know them. Whether one of them is a sound request is
/// seen when it is read from its stream, so that a bad one ends alone.
package struct BatchRequest: Sendable {
    package let userID: String
    package let batchID: BatchID
    /// The stream that its members are added to.
    package let priority: Queue
    package let members: [Member]

    package struct Member: Sendable {
        package let requestID: RequestID
        package let userID: String
        /// As it will stand in its entry: JSON, minified.
        package let payload: [UInt8]
    }

    /// Levels of an envelope around a member's own payload.
    package static let depth = 2

    /// Reads a payload that has been parsed.
    ///
    /// - Parameters:
    ///   - envelope: The `request_id` of the entry itself, which no member may have.
    ///   - membersMax: `MAX_BATCH`.
    /// - Throws: `invalid_request` with the JSON Pointer of the first thing that is wrong with the
    ///   batch as a whole: `/requests/3/user_id`.
    package init(
        _ document: JSONValue,
        envelope: RequestID,
        membersMax: Int
    ) throws(Rejection) {
        do throws(JSONError) {
            let body = try document.object()
            userID = try body.required("user_id").userID()
            batchID = try body.required("batch_id").identifier()
            priority = try body.optional("batch_priority")?.priority() ?? .low
            let list = try body.required("requests")
            let requests = try list.array()
            guard (1...membersMax).contains(requests.count) else {
                throw list.error(.outOfRange, "expected 1 to \(membersMax) requests")
            }
            var known: Set<RequestID> = [envelope]
            members = try requests.map { (element) throws(JSONError) in
                let member = try Member(element)
                guard known.insert(member.requestID).inserted else {
                    throw try element.object().required("request_id")
                        .error(.notAllowed, "stands twice in this batch, or is its own")
                }
                return member
            }
        } catch {
            throw Rejection(error)
        }
    }
}

extension BatchRequest.Member {
    fileprivate init(_ element: JSONValue) throws(JSONError) {
        let body = try element.object()
        requestID = try body.required("request_id").identifier()
        userID = try body.required("user_id").userID()
        payload = element.bytes()
    }
}

extension JSONValue {
    fileprivate func identifier() throws(JSONError) -> RequestID {
        guard let id = RequestID(try string()) else {
            throw error(.notAllowed, "expected 1–128 of A–Z a–z 0–9 _ - . :")
        }
        return id
    }

    fileprivate func priority() throws(JSONError) -> Queue {
        let known = Queue.ofOrchestrators
        guard let word, let queue = known.first(where: { $0.rawValue == word }) else {
            throw notAllowed(known.map(\.rawValue))
        }
        return queue
    }
}
