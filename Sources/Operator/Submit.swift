import ArgumentParser
import Contract
import EventLoop
import Glibc
import JSON
import Redis
import Secrets

/// Adds one request, waits for its answer, and prints it.
struct Submit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask for one strategy, and print the answer.",
        discussion: """
            The payload is a file, standard input (-), or made from flags:

              strategyctl submit --user user123 --symbol SPY --price 450 \\
                --intent "I want a conservative income strategy for SPY"
              strategyctl submit request.json
              jq .payload saved.json | strategyctl submit - --json

            With a file, flags replace what it says. Where AUTH_MODE asks for a token, it is
            in the file that --token-file names, or in the variable AUTH_TOKEN.

            EXIT STATUS
              0   a result
              2   rejected: the request, or a limit
              3   failed or cancelled
              4   no answer in time
              64  wrong use    66  unreadable file    69  Redis cannot be reached
            """
    )

    @Argument(help: "File with the payload as JSON; - is standard input.")
    var file: String?

    @Option(help: "Whose request it is.")
    var user: String?

    @Option(help: "What is wanted, in words.")
    var intent: String?

    @Option(help: "Ticker of the underlying.")
    var symbol: String?

    @Option(help: "Its price, in USD.")
    var price: Double?

    @Option(help: "The VIX, in points.")
    var vix: Double?

    @Option(help: "bullish, neutral or bearish.")
    var trend: String?

    @Option(help: "low, medium or high.")
    var tolerance: String?

    @Option(help: "The most the whole trade may lose, in USD.")
    var maxLoss: Double?

    @Option(help: "The most the model may cost, in USD.")
    var maxCost: Double?

    @Option(help: "high, normal or low.")
    var priority: Priority = .normal

    @Option(help: "Seconds until the answer is due.")
    var deadline: Double?

    @Option(help: "The request's id; by default a new one.")
    var requestID: String?

    @OptionGroup var token: BearerToken

    @Flag(help: "Follow the request: print every event as it comes.")
    var events = false

    @Flag(help: "Print the answer's payload as JSON, and nothing else.")
    var json = false

    @Option(help: "Seconds to wait for the answer; by default until 5 s past the deadline.")
    var timeout: Double?

    func validate() throws {
        if let deadline, !(0.1...3_600).contains(deadline) {
            throw ValidationError("--deadline takes seconds from 0.1 to 3600")
        }
        if let timeout, !(0...86_400).contains(timeout) {
            throw ValidationError("--timeout takes seconds from 0 to 86400")
        }
        for (name, number) in [
            ("--price", price), ("--vix", vix), ("--max-loss", maxLoss), ("--max-cost", maxCost),
        ] where number?.isFinite == false {
            throw ValidationError("\(name) takes a number")
        }
    }

    func run() async throws {
        let surroundings = try Surroundings()
        let request = try Payload(self)
        guard let id = RequestID(requestID ?? Self.newID()) else {
            complain("--request-id takes 1–128 of A–Z a–z 0–9 _ - . :")
            throw ExitCode.usage
        }
        let keys = surroundings.keys(ofUser: request.userID)
        let command = entry(request, id, keys, try token.field())
        let patience = timeout ?? (deadline ?? (priority == .low ? 3_600 : 30)) + 5
        let options = (events: events, json: json)
        let end = try await withRedis(surroundings) { redis, loop in
            do throws(RedisError) {
                try await redis.send(command)
                var follower = ReplyFollower(keys: keys, id: id, redis: redis)
                return try await follower.follow(
                    until: .now + .milliseconds(Int64(patience * 1_000)),
                    showing: { event in if options.events { Report.show(event, options.json) } }
                )
            } catch {
                complain("\(error)")
                throw ExitCode.unavailable
            }
        }
        guard let end else {
            complain("no answer within \(patience) s; is a worker running? request \(id)")
            throw ExitCode.noAnswer
        }
        if !events { Report.show(answer: end, json) }
        if let status = Report.status(of: end) { throw status }
    }

    private func entry(
        _ request: Payload,
        _ id: RequestID,
        _ keys: Keys,
        _ authorization: Secret?
    ) -> RedisCommand {
        var command = RedisCommand("XADD", reserving: request.bytes.count + 256)
        command.append(keys.requests(priority.queue))
        command.append("*")
        command.append("request_id")
        command.append(id.text)
        command.append("v")
        command.append("1")
        command.append("payload")
        command.append(request.bytes)
        if let deadline {
            command.append("deadline_ms")
            command.append(Int(deadline * 1_000))
        }
        if events {
            command.append("events")
            command.append("all")
        }
        if let authorization {
            command.append("authorization")
            command.append(authorization.reveal())
        }
        return command
    }

    private static func newID() -> String {
        "ctl-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    }
}

/// The streams that a caller may add to; `retry` is written by the service alone.
enum Priority: String, CaseIterable, ExpressibleByArgument {
    case high
    case normal
    case low

    var queue: Queue {
        switch self {
        case .high: .high
        case .normal: .normal
        case .low: .low
        }
    }
}

/// The payload of a request: what a file says, with the flags in its place where they are given.
private struct Payload {
    let bytes: [UInt8]
    let userID: String

    init(_ flags: Submit) throws {
        var document: JSONValue?
        if let file = flags.file { document = try Self.parse(file) }
        let body = try? document?.object()
        var writer = JSONWriter(reservingCapacity: 1_024)
        writer.beginObject()
        let replaced = Self.replacements(flags)
        for (key, value) in replaced.top {
            writer.key(escaping: key)
            writer.raw(value)
        }
        for (name, fields) in replaced.nested {
            let kept = try? body?[named: name]?.object()
            guard !fields.isEmpty || kept != nil else { continue }
            writer.key(escaping: name)
            writer.beginObject()
            for (key, value) in fields {
                writer.key(escaping: key)
                writer.raw(value)
            }
            for member in kept.map(Array.init) ?? [] where fields[member.key] == nil {
                writer.key(escaping: member.key)
                writer.value(member.value)
            }
            writer.endObject()
        }
        for member in body.map(Array.init) ?? []
        where replaced.top[member.key] == nil && replaced.nested[member.key] == nil {
            writer.key(escaping: member.key)
            writer.value(member.value)
        }
        writer.endObject()
        // A file that is no object is sent as it stands: the service says what is wrong with it.
        bytes = document != nil && body == nil ? document?.bytes() ?? [] : writer.finish()
        userID = flags.user ?? (try? body?.required("user_id").string()) ?? ""
        if flags.file == nil { try Self.checkFlags(flags) }
    }

    private static func parse(_ file: String) throws -> JSONValue {
        guard let bytes = InputFile.read(file, bytesMax: 8 * 1024 * 1024) else {
            complain("\(file) cannot be read, or has more than 8 MiB")
            throw ExitCode.noInput
        }
        var parser = JSONParser(limits: JSONLimits(bytesMax: 8 * 1024 * 1024))
        do throws(JSONError) {
            return try parser.parse(bytes)
        } catch {
            complain("\(file) is no JSON: \(error)")
            throw ExitCode.noInput
        }
    }

    private static func checkFlags(_ flags: Submit) throws {
        let missing = [
            ("--user", flags.user == nil), ("--intent", flags.intent == nil),
            ("--symbol", flags.symbol == nil), ("--price", flags.price == nil),
        ].filter(\.1).map(\.0)
        guard missing.isEmpty else {
            complain("without a file, \(missing.joined(separator: ", ")) must be given")
            throw ExitCode.usage
        }
    }

    private static func replacements(
        _ flags: Submit
    ) -> (top: [String: [UInt8]], nested: [String: [String: [UInt8]]]) {
        var top: [String: [UInt8]] = [:]
        top["user_id"] = flags.user.map(encoded)
        top["user_intent"] = flags.intent.map(encoded)
        top["max_cost_usd"] = flags.maxCost.map(encoded)
        var market: [String: [UInt8]] = [:]
        market["symbol"] = flags.symbol.map(encoded)
        market["current_price"] = flags.price.map(encoded)
        market["vix"] = flags.vix.map(encoded)
        market["trend"] = flags.trend.map(encoded)
        var preferences: [String: [UInt8]] = [:]
        preferences["risk_tolerance"] = flags.tolerance.map(encoded)
        preferences["max_loss"] = flags.maxLoss.map(encoded)
        return (top, ["market_context": market, "risk_preferences": preferences])
    }

    private static func encoded(_ text: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(text)
        return writer.finish()
    }

    private static func encoded(_ number: Double) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(number)
        return writer.finish()
    }
}
