package import Contract
package import JSON
package import Redis
package import Secrets

/// What becomes of one dead letter that is to be asked again.
package struct ReplayPlan: Sendable {
    package let place: LetterPlace
    /// Nil where there is none to be made, for `obstacle`.
    package let request: Request?
    package let obstacle: String

    package struct Request: Sendable {
        package let id: RequestID
        /// The request that was asked first.
        package let original: String
        package let queue: Queue
        package let fields: [(name: [UInt8], value: [UInt8])]
    }

    private enum Limits {
        /// Replays of one request that are looked for.
        static let replaysMax = 1_000
    }

    /// What the service writes of a request's history counts on its retry stream alone.
    private static let ours: Set<String> = [
        "request_id", "authorization", "attempt", "requeued_from", "priority", "deadline_at",
        "deaths", "replay_of", "sealed",
    ]

    /// - Parameter taken: Ids that others have been given just now.
    package static func make(
        _ place: LetterPlace,
        without taken: Set<RequestID>,
        in service: StreamsView
    ) async throws(RedisError) -> ReplayPlan {
        func not(_ obstacle: String) -> ReplayPlan {
            ReplayPlan(place: place, request: nil, obstacle: obstacle)
        }
        guard let letter = try await LetterContent.read(place, in: service) else {
            return not("there is no such letter")
        }
        guard letter.about("bytes_cut") == "0" else {
            return not("it was too large to be kept whole")
        }
        guard let name = letter.field("request_id").flatMap({ RequestID($0) }) else {
            return not("it names no request")
        }
        guard letter.field("payload") != nil else { return not("it has no payload") }
        let original = base(of: name.text)
        guard let id = try await unused(original, taken, place.partition, service) else {
            return not("\(original) cannot be given another number, or its id is too long for one")
        }
        return ReplayPlan(
            place: place,
            request: Request(
                id: id,
                original: original,
                queue: queue(of: letter),
                fields: letter.entry.filter {
                    !ours.contains(String(decoding: $0.name, as: UTF8.self).lowercased())
                }
            ),
            obstacle: ""
        )
    }

    /// `a.r2` is a replay of `a`.
    private static func base(of name: String) -> String {
        name.firstMatch(of: /^(.+)\.r[1-9]\d{0,2}$/).map { String($0.1) } ?? name
    }

    private static func queue(of letter: LetterContent) -> Queue {
        let named = letter.about("queue").flatMap { Queue(rawValue: $0) } ?? .normal
        guard named == .retry else { return named }
        let first = letter.field("priority").map { String(decoding: $0, as: UTF8.self) }
        let priority = first.flatMap { Queue(rawValue: $0) } ?? .normal
        return priority == .retry ? .normal : priority
    }

    /// The first number under which nothing is known.
    private static func unused(
        _ original: String,
        _ taken: Set<RequestID>,
        _ partition: Int,
        _ service: StreamsView
    ) async throws(RedisError) -> RequestID? {
        let keys = service.keys(in: partition)
        for number in 1...Limits.replaysMax {
            guard let id = RequestID("\(original).r\(number)") else { return nil }
            if taken.contains(id) { continue }
            let known = try await service.redis.send(
                RedisCommand("EXISTS", .text(keys.record(id)), .text(keys.reply(id)))
            )
            if known.int == 0 { return id }
        }
        return nil
    }

    /// Adds the request and removes the letter: both or neither.
    ///
    /// - Parameter authorization: A bearer token in place of the one that was not kept.
    package func carryOut(
        in service: StreamsView,
        authorization: Secret? = nil
    ) async throws(RedisError) {
        guard let request else { return }
        let keys = service.keys(in: place.partition)
        var add = RedisCommand("XADD", reserving: 1_024)
        add.append(keys.requests(request.queue))
        add.append("*")
        add.append("request_id")
        add.append(request.id.text)
        add.append("replay_of")
        add.append(request.original)
        for (name, value) in request.fields {
            add.append(name)
            add.append(value)
        }
        if let authorization {
            add.append("authorization")
            add.append(authorization.reveal())
        }
        let answers = try await service.redis.pipeline([
            RedisCommand("MULTI"), add,
            RedisCommand("XDEL", .text(keys.dead), .text("\(place.id)")), RedisCommand("EXEC"),
        ])
        for answer in answers + (answers.last?.array ?? []) {
            if case .error(let error) = answer { throw .server(error) }
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("letter", place.text)
            writer.field("request_id", orNull: request?.id.text)
            writer.field("replay_of", orNull: request?.original)
            writer.field("stream", orNull: request?.queue.rawValue)
            writer.field("obstacle", orNull: request == nil ? obstacle : nil)
        }
    }
}
