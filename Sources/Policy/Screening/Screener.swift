/// Looks at what a user typed before anything is spent on it: whether it is a question, or an attempt
/// to give orders to the model.
///
/// A cascade, the cheapest and surest first: normal form, hard rules, what is encoded in it, content
/// policy, the learned score. Pure: the same text has the same verdict everywhere.
package struct Screener: Sendable {
    private let tables: ScreeningTables
    private let rules: ScreeningRules
    private let policy: ContentPolicy

    package enum Limits {
        /// Characters that are looked at. Requests have 2,000 at the most; what else is screened is
        /// judged by its beginning.
        package static let charactersMax = 16_384
        /// Invisible characters between letters from which on they are no accident.
        static let invisibleMin = 3
        static let hiddenMin = 4
        /// Characters of a run without a space that no word, link or number of an order has.
        static let runMax = 120
    }

    package init() {
        tables = .shared
        rules = ScreeningRules(tables)
        policy = ContentPolicy(tables)
    }

    package func screen(_ text: String) -> ScreeningVerdict {
        let scalars = text.unicodeScalars.prefix(Limits.charactersMax)
        let normal = ScreeningText(scalars, tables.folded)
        var verdict = ScreeningVerdict()
        var scorer = ScreeningScore(tables)
        verdict.score = scorer.score(normal.points)
        if let reason = rules.broken(by: normal.points) { verdict.block(reason) }
        if let reason = policy.broken(by: normal.points) { verdict.block(reason) }
        if normal.hidden.count >= Limits.hiddenMin { verdict.block(.hiddenText) }
        disguises(of: normal.points, &verdict, &scorer)
        encodings(of: scalars.map(\.value), &verdict, &scorer)
        if verdict.score >= 0.5 { verdict.flag(.score) }
        if normal.invisibleInWords >= Limits.invisibleMin { verdict.flag(.invisibleCharacters) }
        if normal.mixedWords >= 2 { verdict.flag(.mixedScripts) }
        if isLongRun(normal.points) { verdict.flag(.unreadable) }
        return verdict
    }

    private func disguises(
        of points: [UInt32],
        _ verdict: inout ScreeningVerdict,
        _ scorer: inout ScreeningScore
    ) {
        // What is blocked as it stands need not be read a second way.
        if verdict.level == .block { return }
        if let plain = ScreeningDecoding.leet(points), rules.broken(by: plain) != nil {
            verdict.block(.encoded(.leet))
        }
        if let together = ScreeningDecoding.joined(points) {
            judge(together, as: .spaced, &verdict, &scorer)
        }
        if rules.isAttack(disguised: ScreeningDecoding.rot13(points)) {
            verdict.block(.encoded(.rot13))
        }
        if rules.isAttack(disguised: points.reversed()) { verdict.block(.encoded(.reversed)) }
    }

    private func encodings(
        of raw: [UInt32],
        _ verdict: inout ScreeningVerdict,
        _ scorer: inout ScreeningScore
    ) {
        for found in ScreeningDecoding.runs(raw) + ScreeningDecoding.escapes(raw) {
            let inner = ScreeningText(found.text.unicodeScalars, tables.folded)
            judge(inner.points, as: found.kind, &verdict, &scorer)
        }
    }

    /// A text within the text. What is bad in the open is worse in disguise.
    private func judge(
        _ points: [UInt32],
        as kind: ScreeningDecoding.Kind,
        _ verdict: inout ScreeningVerdict,
        _ scorer: inout ScreeningScore
    ) {
        let score = scorer.score(points)
        if rules.broken(by: points) != nil || rules.isAttack(disguised: points) {
            verdict.block(.encoded(kind))
        } else if score >= 0.5 {
            verdict.flag(.encoded(kind))
        }
        verdict.score = max(verdict.score, score)
        if let reason = policy.broken(by: points) { verdict.block(reason) }
    }

    private func isLongRun(_ points: [UInt32]) -> Bool {
        var length = 0
        for point in points {
            length = point == 0x20 || ScreeningText.isWide(point) ? 0 : length + 1
            if length > Limits.runMax { return true }
        }
        return false
    }
}

/// What the screening says of a text: the worst of what it found, and all of it.
package struct ScreeningVerdict: Equatable, Sendable {
    package enum Level: String, CaseIterable, Comparable, Sendable {
        case pass
        /// Answered under a stricter prompt, and logged.
        case flag
        /// Not answered.
        case block

        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .pass: 0
            case .flag: 1
            case .block: 2
            }
        }
    }

    package private(set) var level = Level.pass
    package private(set) var reasons: [ScreeningReason] = []
    /// 0 to 1, of the learned score alone; from 0.5 on it is flagged.
    package internal(set) var score = 0.0

    mutating func block(_ reason: ScreeningReason) {
        level = .block
        add(reason)
    }

    mutating func flag(_ reason: ScreeningReason) {
        if level == .pass { level = .flag }
        add(reason)
    }

    private mutating func add(_ reason: ScreeningReason) {
        if !reasons.contains(reason) { reasons.append(reason) }
    }
}

/// Why a text was blocked or flagged; never what it says.
package struct ScreeningReason: Hashable, Sendable {
    package let code: String
    /// It is what is asked for, not how, that is not answered.
    package let isContentPolicy: Bool

    private init(_ code: String, isContentPolicy: Bool = false) {
        self.code = code
        self.isContentPolicy = isContentPolicy
    }

    static let override = ScreeningReason("override")
    static let extraction = ScreeningReason("prompt_extraction")
    static let jailbreak = ScreeningReason("jailbreak")
    static let chatTemplate = ScreeningReason("chat_template")
    static let exfiltration = ScreeningReason("exfiltration")
    static let hiddenText = ScreeningReason("hidden_text")
    static let score = ScreeningReason("score")
    static let invisibleCharacters = ScreeningReason("invisible_characters")
    static let mixedScripts = ScreeningReason("mixed_scripts")
    static let unreadable = ScreeningReason("unreadable")
    static let insideInformation = ScreeningReason("inside_information", isContentPolicy: true)
    static let manipulation = ScreeningReason("manipulation", isContentPolicy: true)
    static let evadingLimits = ScreeningReason("evading_limits", isContentPolicy: true)

    static func encoded(_ kind: ScreeningDecoding.Kind) -> ScreeningReason {
        ScreeningReason("encoded_\(kind.rawValue)")
    }
}
