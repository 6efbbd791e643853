/// Other texts that a text holds: encoded, spaced out, spelt with digits, turned round.
enum ScreeningDecoding {
    enum Kind: String, Sendable {
        case base64
        case hex
        case percent
        case entities
        case escapes
        case leet
        case spaced
        case rot13
        case reversed
        case tags
    }

    enum Limits {
        /// Characters of the shortest run that is taken for base64, or hex: words are shorter.
        static let base64Min = 16
        static let hexMin = 20
        /// Runs of a text that are decoded; whoever sends more hides in the crowd, and is flagged.
        static let runsMax = 8
        /// Escapes of one kind from which on a text is decoded: fewer are a link's, or a slip.
        static let escapesMin = 3
        /// Letters that stand alone, from which on they are put together.
        static let lettersMin = 5
    }

    /// What stands in the text in base64 or hex, run by run, when it is readable.
    static func runs(_ raw: [UInt32]) -> [(kind: Kind, text: String)] {
        var found: [(kind: Kind, text: String)] = []
        var start = 0
        while start < raw.count, found.count < Limits.runsMax {
            var end = start
            while end < raw.count, isBase64(raw[end]) { end += 1 }
            let run = raw[start..<end]
            if let text = hex(run) {
                found.append((.hex, text))
            } else if let text = base64(run) {
                found.append((.base64, text))
            }
            start = end + 1
        }
        if found.isEmpty, let text = hex(raw.filter { !isHexNoise($0) }[...]) {
            found.append((.hex, text))
        }
        return found
    }

    private static func isBase64(_ point: UInt32) -> Bool {
        switch point {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2F, 0x5F, 0x3D: true
        default: false
        }
    }

    /// What stands between the digits of a dump: spaces, commas, `\x`.
    private static func isHexNoise(_ point: UInt32) -> Bool {
        switch point {
        case 0x20, 0x0A, 0x2C, 0x3A, 0x5C, 0x78: true
        default: false
        }
    }

    private static func base64(_ run: ArraySlice<UInt32>) -> String? {
        guard run.count >= Limits.base64Min else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        for point in run where point != 0x3D {
            guard let value = sextet(point) else { return nil }
            bits = bits << 6 | value
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
                bits &= (1 << UInt32(held)) - 1
            }
        }
        return readable(bytes)
    }

    private static func sextet(_ point: UInt32) -> UInt32? {
        switch point {
        case 0x41...0x5A: point - 0x41
        case 0x61...0x7A: point - 0x61 + 26
        case 0x30...0x39: point - 0x30 + 52
        case 0x2B, 0x2D: 62
        case 0x2F, 0x5F: 63
        default: nil
        }
    }

    private static func hex(_ run: ArraySlice<UInt32>) -> String? {
        guard run.count >= Limits.hexMin, run.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for point in run {
            guard let digit = hexDigit(point) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return readable(bytes)
    }

    private static func hexDigit(_ point: UInt32) -> UInt8? {
        switch point {
        case 0x30...0x39: UInt8(point - 0x30)
        case 0x41...0x46: UInt8(point - 0x41 + 10)
        case 0x61...0x66: UInt8(point - 0x61 + 10)
        default: nil
        }
    }

    /// Text of mostly letters and spaces; what else decodes by chance.
    private static func readable(_ bytes: [UInt8]) -> String? {
        guard bytes.count >= 8, let text = String(validating: bytes, as: UTF8.self) else {
            return nil
        }
        var good = 0
        var all = 0
        for scalar in text.unicodeScalars {
            all += 1
            let isLetter = scalar.properties.isAlphabetic || scalar == " "
            if scalar.value < 0x20, scalar != "\n", scalar != "\t" { return nil }
            if isLetter { good += 1 }
        }
        return good * 10 >= all * 7 ? text : nil
    }
}

// MARK: - Escapes

extension ScreeningDecoding {
    /// The text with its escapes resolved: `%41`, `&#65;` and `&lt;`, `\u0041` and `\x41`.
    static func escapes(_ raw: [UInt32]) -> [(kind: Kind, text: String)] {
        var found: [(kind: Kind, text: String)] = []
        if raw.contains(0x25), let text = percent(raw) { found.append((.percent, text)) }
        if raw.contains(0x26), let text = entities(raw) { found.append((.entities, text)) }
        if raw.contains(0x5C), let text = backslashes(raw) { found.append((.escapes, text)) }
        return found
    }

    private static func percent(_ raw: [UInt32]) -> String? {
        var bytes: [UInt8] = []
        var count = 0
        var index = 0
        while index < raw.count {
            if raw[index] == 0x25, index + 2 < raw.count, let high = hexDigit(raw[index + 1]),
                let low = hexDigit(raw[index + 2])
            {
                bytes.append(high << 4 | low)
                count += 1
                index += 3
                continue
            }
            if let scalar = Unicode.Scalar(raw[index]) { bytes += String(scalar).utf8 }
            index += 1
        }
        return count >= Limits.escapesMin ? String(decoding: bytes, as: UTF8.self) : nil
    }

    private static let named: [String: UInt32] = [
        "lt": 0x3C, "gt": 0x3E, "amp": 0x26, "quot": 0x22, "apos": 0x27, "nbsp": 0x20,
    ]

    private static func entities(_ raw: [UInt32]) -> String? {
        var out = String.UnicodeScalarView()
        var count = 0
        var index = 0
        while index < raw.count {
            if raw[index] == 0x26,
                let end = raw[index..<min(index + 10, raw.count)].firstIndex(of: 0x3B),
                let point = entity(raw[(index + 1)..<end]), let scalar = Unicode.Scalar(point)
            {
                out.append(scalar)
                count += 1
                index = end + 1
                continue
            }
            if let scalar = Unicode.Scalar(raw[index]) { out.append(scalar) }
            index += 1
        }
        return count >= Limits.escapesMin ? String(out) : nil
    }

    private static func entity(_ name: ArraySlice<UInt32>) -> UInt32? {
        let text = String(String.UnicodeScalarView(name.compactMap(Unicode.Scalar.init)))
        if text.hasPrefix("#x") || text.hasPrefix("#X") {
            return UInt32(text.dropFirst(2), radix: 16)
        }
        return text.hasPrefix("#") ? UInt32(text.dropFirst()) : named[text]
    }

    private static func backslashes(_ raw: [UInt32]) -> String? {
        var out = String.UnicodeScalarView()
        var count = 0
        var index = 0
        while index < raw.count {
            if raw[index] == 0x5C, index + 1 < raw.count {
                let length = raw[index + 1] == 0x75 ? 4 : raw[index + 1] == 0x78 ? 2 : 0
                let digits = raw.dropFirst(index + 2).prefix(length).compactMap(hexDigit)
                let point = digits.reduce(UInt32(0)) { $0 << 4 | UInt32($1) }
                if length > 0, digits.count == length, let scalar = Unicode.Scalar(point) {
                    out.append(scalar)
                    count += 1
                    index += 2 + length
                    continue
                }
            }
            if let scalar = Unicode.Scalar(raw[index]) { out.append(scalar) }
            index += 1
        }
        return count >= Limits.escapesMin ? String(out) : nil
    }
}

// MARK: - Disguises of normal text

extension ScreeningDecoding {
    /// Words that mix letters with digits or signs, with the letters those stand for; nil when hardly
    /// a word is so.
    static func leet(_ points: [UInt32]) -> [UInt32]? {
        var out = points
        var changed = 0
        var start = 0
        while start < points.count {
            var end = start
            var letters = 0
            var digits = 0
            while end < points.count, points[end] != 0x20 {
                if ScreeningText.isLatin(points[end]) { letters += 1 }
                // A mark at a word's end is a mark.
                let isLast = end + 1 == points.count || !ScreeningText.isWord(points[end + 1])
                if letterOf(points[end]) != nil, !isLast || ScreeningText.isDigit(points[end]) {
                    digits += 1
                }
                end += 1
            }
            if letters >= 1, digits >= 1, letters + digits >= 4 {
                for index in start..<end { out[index] = letterOf(points[index]) ?? points[index] }
                changed += 1
            }
            start = end + 1
        }
        return changed >= 2 ? out : nil
    }

    private static func letterOf(_ point: UInt32) -> UInt32? {
        switch point {
        case 0x30: 0x6F  // 0 o
        case 0x31, 0x21, 0x7C: 0x69  // 1 ! | i
        case 0x33: 0x65  // 3 e
        case 0x34, 0x40: 0x61  // 4 @ a
        case 0x35, 0x24: 0x73  // 5 $ s
        case 0x37, 0x2B: 0x74  // 7 + t
        case 0x38: 0x62  // 8 b
        default: nil
        }
    }

    /// Words of attacks, by which letters that were put together are taken apart again.
    private static let roots: [[UInt32]] = [
        "instructions", "instruction", "disregard", "developer", "jailbreak", "previous",
        "password", "override", "ignore", "forget", "reveal", "prompt", "system", "bypass",
        "hidden", "secret", "prior", "above", "rules", "print", "your", "show", "mode", "all",
    ].map { $0.unicodeScalars.map(\.value) }

    /// Letters that stand alone in a row, put together: `i g n o r e`, `i.g.n.o.r.e`; nil when there
    /// are none.
    static func joined(_ points: [UInt32]) -> [UInt32]? {
        guard let first = points.indices.first(where: { letters(points, from: $0) != nil }) else {
            return nil
        }
        var out = Array(points[..<first])
        var index = first
        while index < points.count {
            if let count = letters(points, from: index) {
                out += apart((0..<count).map { points[index + 2 * $0] })
                index = min(index + 2 * count, points.count)
            } else {
                out.append(points[index])
                index += 1
            }
        }
        return out
    }

    /// How many letters stand alone from here on, each a place behind the one before it; nil when they
    /// are too few.
    private static func letters(_ points: [UInt32], from start: Int) -> Int? {
        var count = 0
        var at = start
        while at < points.count, ScreeningText.isWord(points[at]),
            at + 1 == points.count || !ScreeningText.isWord(points[at + 1])
        {
            count += 1
            at += 2
        }
        return count >= Limits.lettersMin ? count : nil
    }

    /// One long word as the words it is made of, as far as they are known.
    private static func apart(_ run: [UInt32]) -> [UInt32] {
        var out: [UInt32] = []
        var index = 0
        while index < run.count {
            if let root = roots.first(where: { run[index...].starts(with: $0) }) {
                out += [0x20] + root + [0x20]
                index += root.count
            } else {
                out.append(run[index])
                index += 1
            }
        }
        return out + [0x20]
    }

    static func rot13(_ points: [UInt32]) -> [UInt32] {
        points.map { ScreeningText.isLatin($0) ? ($0 - 0x61 + 13) % 26 + 0x61 : $0 }
    }
}
