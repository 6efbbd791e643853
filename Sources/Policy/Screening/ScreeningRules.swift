/// What is an attack whatever else the text says.
struct ScreeningRules: Sendable {
    private let tables: ScreeningTables
    private let drop: UInt8
    private let previous: UInt8
    private let rules: UInt8
    private let show: UInt8
    private let system: UInt8
    private let mode: UInt8
    /// Concepts as bits of one word: there are fewer than 32.
    private let company: UInt32
    /// Words that make somebody else's instructions the asker's own, and those that make them ours.
    private let own: Set<UInt64>
    private let ours: Set<UInt64>

    private enum Limits {
        /// Words over which a pattern may stretch.
        static let overrideReach = 9
        static let extractReach = 6
        static let modeReach = 12
    }

    init(_ tables: ScreeningTables) {
        self.tables = tables
        let lexicon = tables.lexicon
        drop = lexicon.concept("drop")
        previous = lexicon.concept("prev")
        rules = lexicon.concept("rules")
        show = lexicon.concept("show")
        system = lexicon.concept("system")
        mode = lexicon.concept("mode")
        company = ["drop", "persona", "never", "auth"]
            .reduce(0) { $0 | Self.bit(lexicon.concept($1)) }
        own = Self.keys("my mine our i mein meine meinen mon mes mi mis il_mio mijn moje мои мой")
        ours = Self.keys(
            "your full entire complete hidden secret exact original whole all initial above current "
                + "dein deine deinen ihren gesamten ton tes tu tus votre vos su sus tuo tuoi seu suas "
                + "je jouw uw swoj swoje svuj din dina свой свои ваш твой sistem"
        )
    }

    private static func bit(_ concept: UInt8) -> UInt32 { 1 << UInt32(concept & 31) }

    private static func keys(_ words: String) -> Set<UInt64> {
        Set(words.split(separator: " ").map { $0.unicodeScalars.reduce(FNV.basis64, mix) })
    }

    private static func mix(_ hash: UInt64, _ scalar: Unicode.Scalar) -> UInt64 {
        FNV.mix(hash, scalar.value)
    }

    /// The first rule that a normal text breaks.
    func broken(by points: [UInt32]) -> ScreeningReason? {
        if markup(points) { return .chatTemplate }
        if image(points) { return .exfiltration }
        let words = ScreeningText.words(points.span)
        let found = tables.lexicon.concepts(points.span, words)
        if overrides(found, words) { return .override }
        if extracts(found, words) { return .extraction }
        if switchesMode(found) { return .jailbreak }
        return nil
    }

    /// Whether a text that was turned round, or shifted by thirteen letters, speaks of an attack.
    func isAttack(disguised points: [UInt32]) -> Bool {
        let words = ScreeningText.words(points.span)
        let found = tables.lexicon.concepts(points.span, words)
        let has = found.reduce(0 as UInt32) { $0 | Self.bit($1.concept) }
        return has & (Self.bit(drop) | Self.bit(show)) != 0
            && has & (Self.bit(rules) | Self.bit(system)) != 0
    }

    /// What somebody is to be dropped, what, and that it came before, close together; not his own.
    private func overrides(
        _ found: [ScreeningLexicon.Found],
        _ words: [ScreeningText.Word]
    ) -> Bool {
        let all = Self.bit(drop) | Self.bit(rules) | Self.bit(previous)
        for first in found.indices where Self.bit(found[first].concept) & all != 0 {
            var has: UInt32 = 0
            for last in first..<found.count {
                let place = found[last].place
                guard place - found[first].place < Limits.overrideReach else { break }
                has |= Self.bit(found[last].concept)
                guard has & all == all else { continue }
                let span = words[found[first].place...place]
                if !span.contains(where: { own.contains($0.key) }) { return true }
                break
            }
        }
        return false
    }

    /// Our prompt is asked for.
    private func extracts(
        _ found: [ScreeningLexicon.Found],
        _ words: [ScreeningText.Word]
    ) -> Bool {
        for (first, one) in found.enumerated() where one.concept == show {
            for other in found[(first + 1)...] {
                guard other.place - one.place <= Limits.extractReach else { break }
                guard other.concept == system else { continue }
                let between = words[one.place...other.place]
                let isWide = one.place == other.place
                if isWide || between.contains(where: { ours.contains($0.key) }) { return true }
            }
        }
        return false
    }

    private func switchesMode(_ found: [ScreeningLexicon.Found]) -> Bool {
        for one in found where one.concept == mode {
            let isInCompany = found.contains {
                company & Self.bit($0.concept) != 0
                    && abs($0.place - one.place) <= Limits.modeReach
            }
            if isInCompany { return true }
        }
        return false
    }
}

// MARK: - What no trader types

extension ScreeningRules {
    /// Tokens by which chat models are told who speaks, and the end of our own delimiters.
    private static let tokens: [[UInt32]] = [
        "<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>",
        "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>", "[inst]",
        "[/inst]", "<<sys>>", "<</sys>>", "<start_of_turn>", "<end_of_turn>", "### instruction",
        "### system", "### new system", "\"role\":\"system\"", "\"role\": \"system\"",
        "'role': 'system'", "</user_text>", "</data>", "<admin>", "[system]", "[admin_override]",
    ].map { $0.unicodeScalars.map(\.value) }

    private func markup(_ points: [UInt32]) -> Bool {
        for index in points.indices {
            switch points[index] {
            case 0x3C, 0x5B, 0x23, 0x22, 0x27:
                if Self.tokens.contains(where: { stands($0, in: points, at: index) }) {
                    return true
                }
            default: continue
            }
        }
        return false
    }

    private static let pictures: [[UInt32]] = ["![", "<img", "<iframe", "<script"]
        .map { $0.unicodeScalars.map(\.value) }
    private static let links: [[UInt32]] = ["](http", "src=\"http", "src=http", "src='http"]
        .map { $0.unicodeScalars.map(\.value) }

    /// A picture that is fetched from somewhere, with whatever stands in its address.
    private func image(_ points: [UInt32]) -> Bool {
        Self.pictures.contains { isIn(points, $0) } && Self.links.contains { isIn(points, $0) }
    }

    private func isIn(_ points: [UInt32], _ needle: [UInt32]) -> Bool {
        for index in points.indices
        where points[index] == needle[0] && stands(needle, in: points, at: index) {
            return true
        }
        return false
    }

    private func stands(_ needle: [UInt32], in points: [UInt32], at index: Int) -> Bool {
        guard index + needle.count <= points.count else { return false }
        for offset in needle.indices where points[index + offset] != needle[offset] {
            return false
        }
        return true
    }
}
