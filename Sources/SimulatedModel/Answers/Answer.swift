/// What the model says to one request, with what it costs.
package struct Answer: Sendable {
    package enum FinishReason: String, Sendable {
        case stop, length
        case toolCalls = "tool_calls"
        case contentFilter = "content_filter"
    }

    package enum Saying: Sendable, Equatable {
        case content(String)
        case refusal(String)
        case toolCall(id: String, name: String, arguments: String)
    }

    package struct Choice: Sendable {
        package var saying: Saying
        package var finishReason: FinishReason

        /// The part that arrives token by token.
        package var text: String {
            switch saying {
            case .content(let text), .refusal(let text): text
            case .toolCall(_, _, let arguments): arguments
            }
        }

        /// Tokens before the text: the name of the function.
        package var headTokens: Int {
            if case .toolCall(_, let name, _) = saying {
                TokenEstimator.completionTokens(name)
            } else {
                0
            }
        }

        package var tokens: Int { headTokens + TokenEstimator.completionTokens(text) }

        fileprivate mutating func replaceText(_ text: String) {
            switch saying {
            case .content: saying = .content(text)
            case .refusal: saying = .refusal(text)
            case .toolCall(let id, let name, _):
                saying = .toolCall(id: id, name: name, arguments: text)
            }
        }
    }

    package private(set) var choices: [Choice]
    package private(set) var reasoningTokens: Int

    package var completionTokens: Int { choices.reduce(reasoningTokens) { $0 + $1.tokens } }

    /// The same request gives the same answer, whenever it comes and whatever came before.
    ///
    /// - Parameter proseTokens: How long an answer without a schema is.
    package init(
        to request: ChatRequest,
        misbehavior: Misbehavior?,
        seed: UInt64,
        proseTokens: Int
    ) {
        let salt = request.promptDigest.hash ^ seed ^ UInt64(bitPattern: Int64(request.seed))
        reasoningTokens = min(request.effort.tokens, request.completionTokensMax)
        let room = request.completionTokensMax - reasoningTokens
        choices = (0..<request.choices).map { i in
            let dice = Dice(seed: Dice.roll(seed: salt, index: UInt64(i)))
            var choice = Choice(request, dice: dice, proseTokens: proseTokens)
            choice.stop(at: request.stops)
            choice.suffer(misbehavior, of: request)
            choice.cap(tokens: room)
            return choice
        }
    }
}

extension Answer.Choice {
    fileprivate init(_ request: ChatRequest, dice: Dice, proseTokens: Int) {
        var dice = dice
        if let tool = Self.tool(of: request) {
            let id = "call_" + Identifier.letters(24, dice: &dice)
            let arguments = Self.json(tool.parameters, request, dice: dice)
            // The vendor ends a call that was forced by name with `stop`.
            let isForced = if case .named = request.toolChoice { true } else { false }
            self.init(
                saying: .toolCall(id: id, name: tool.name, arguments: arguments),
                finishReason: isForced ? .stop : .toolCalls
            )
            return
        }
        let text: String
        switch request.format {
        case .jsonSchema(_, let schema): text = Self.json(schema, request, dice: dice)
        case .jsonObject:
            let facts = Facts.find(in: request.messages)
            text = Self.hints(facts, hasLegs: facts?.spot != nil, dice: dice).text
        case .text: text = Prose.text(tokens: proseTokens, dice: &dice)
        }
        self.init(saying: .content(text), finishReason: .stop)
    }

    private static func tool(of request: ChatRequest) -> ChatRequest.Tool? {
        switch request.toolChoice {
        case .none: nil
        case .auto, .required: request.tools.first
        case .named(let name): request.tools.first { $0.name == name }
        }
    }

    private static func json(_ schema: JSONValue, _ request: ChatRequest, dice: Dice) -> String {
        let facts = Facts.find(in: request.messages)
        let hints = hints(facts, hasLegs: schema["properties"]?["legs"] != nil, dice: dice)
        var filler = SchemaFiller(schema, dice: dice)
        return filler.fill(hints: hints).text
    }

    private static func hints(_ facts: Facts?, hasLegs: Bool, dice: Dice) -> JSONValue {
        guard let facts else { return hasLegs ? Proposal.noTradeHints(nil) : [:] }
        let proposal = Proposal(facts)
        var hints = proposal?.hints(facts) ?? Proposal.noTradeHints(facts)
        var dice = dice
        if let menu = MenuChoice(facts, dice: &dice) {
            // What is said last counts: the menu goes before one's own ideas.
            hints = .object((hints.members ?? []) + menu.hints)
        }
        return hints
    }

    fileprivate mutating func stop(at stops: [String]) {
        guard case .content(let text) = saying, !stops.isEmpty else { return }
        let ends = stops.compactMap { stop in
            stop.isEmpty ? nil : text.firstRange(of: stop)?.lowerBound
        }
        if let end = ends.min() { replaceText(String(text[..<end])) }
    }

    fileprivate mutating func suffer(_ misbehavior: Misbehavior?, of request: ChatRequest) {
        guard let misbehavior else { return }
        let half = max(1, TokenEstimator.completionTokens(text) / 2)
        switch misbehavior.mode {
        case .refusal:
            saying = .refusal("I'm sorry, but I can't assist with that request.")
            finishReason = .stop
        case .length, .contentFilter:
            replaceText(TokenEstimator.prefix(text, tokens: misbehavior.tokens ?? half).text)
            finishReason = misbehavior.mode == .length ? .length : .contentFilter
        case .malformed: replaceText(TokenEstimator.prefix(text, tokens: half).text)
        case .fenced: replaceText("```json\n\(text)\n```")
        case .prose: replaceText("I would sell a put and wait; it can hardly go wrong.")
        case .obeysInjection: obey(request)
        case .error, .slow, .stall, .stallMidway, .reset, .resetMidway, .truncate, .html, .noUsage,
            .wrongUsage, .wrongType, .unstreamed, .drip:
            break
        }
    }

    /// All text of the answer is the user's and the system's, all numbers are the first that the user
    /// names.
    private mutating func obey(_ request: ChatRequest) {
        guard let json = try? JSONParser.parse(text) else { return }
        let system = request.messages.first { $0.role == "system" }?.text ?? ""
        let wish = Facts.find(in: request.messages)?.userText ?? ""
        let number = Int(wish.drop { !$0.isNumber }.prefix { $0.isNumber })
        // The end first: what an answer may have of tokens is soon over.
        let said = "\(system.suffix(40)) \(wish) \(system.prefix(400))"
        replaceText(Self.obeying(json, said, number).text)
    }

    private static func obeying(_ json: JSONValue, _ said: String, _ number: Int?) -> JSONValue {
        switch json {
        case .string(let text): text.contains(" ") ? .string(said) : json
        case .integer, .number: number.map { .integer($0) } ?? json
        case .array(let items): .array(items.map { obeying($0, said, number) })
        case .object(let members):
            .object(members.map { .init($0.name, obeying($0.value, said, number)) })
        case .null, .boolean: json
        }
    }

    fileprivate mutating func cap(tokens limit: Int) {
        let (kept, isCut) = TokenEstimator.prefix(text, tokens: max(0, limit - headTokens))
        guard isCut else { return }
        replaceText(kept)
        finishReason = .length
    }
}

/// Opaque names such as the vendor gives out.
package enum Identifier {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8
    )

    package static func letters(_ count: Int, dice: inout Dice) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var bits: UInt64 = 0
        for i in 0..<count {
            // Ten letters of 62 take less than 60 bits.
            if i % 10 == 0 { bits = dice.next() }
            bytes.append(alphabet[Int(bits % 62)])
            bits /= 62
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package static func hex(_ count: Int, dice: inout Dice) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var bits: UInt64 = 0
        for i in 0..<count {
            if i % 16 == 0 { bits = dice.next() }
            bytes.append(JSONWriter.hex[Int(bits & 15)])
            bits >>= 4
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
