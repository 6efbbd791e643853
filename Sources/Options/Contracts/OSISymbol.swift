/// An option's symbol as the OCC's Options Symbology Initiative writes it, 21 characters:
///
///     SPY   261218P00430000
///     ╰root╯╰date╯│╰strike╯     root padded to 6; yymmdd; C or P; strike × 1000 in 8 digits
package struct OSISymbol: Hashable, Sendable, CustomStringConvertible {
    /// 1–6 of `A–Z 0–9`, a letter first. A last digit marks an adjusted contract.
    package let root: String
    package let expiry: CivilDate
    package let right: Right
    package let strike: Strike

    /// Nil for a root that is none, a year outside 2000–2099, a strike of 100,000 and more or one
    /// that is no whole thousandth.
    package init?(root: String, expiry: CivilDate, right: Right, strike: Strike) {
        guard Self.isRoot(root.utf8), (2000...2099).contains(expiry.year),
            strike.thousandths <= 99_999_999, strike.isWhole
        else { return nil }
        self.root = root
        self.expiry = expiry
        self.right = right
        self.strike = strike
    }

    /// Reads the padded form of 21 characters, or the compact one without the blanks.
    /// Nil for everything that would not be written the same way again.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (16...21).contains(bytes.count) else { return nil }
        let tail = bytes[(bytes.count - 15)...]
        var head = bytes[..<(bytes.count - 15)]
        let padded = head.count == 6
        while padded, head.last == UInt8(ascii: " ") { head.removeLast() }
        let right: Right
        switch tail[tail.startIndex + 6] {
        case UInt8(ascii: "C"): right = .call
        case UInt8(ascii: "P"): right = .put
        default: return nil
        }
        guard let date = decimal(tail.prefix(6)), let thousandths = decimal(tail.suffix(8)),
            let expiry = CivilDate(
                year: 2000 + date / 10_000,
                month: date / 100 % 100,
                day: date % 100
            ),
            let strike = Strike(thousandths: Int64(thousandths))
        else { return nil }
        self.init(
            root: String(decoding: head, as: UTF8.self),
            expiry: expiry,
            right: right,
            strike: strike
        )
    }

    /// The padded form.
    package var description: String { written(padding: true) }
    /// The form without blanks that most data vendors use.
    package var compact: String { written(padding: false) }
    /// Ends in a digit: what the contract delivers was changed by a corporate action.
    package var isAdjusted: Bool {
        root.utf8.last.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }

    /// The root under which a ticker's options are listed: `BRK.B` is `BRKB`.
    package static func root(forTicker ticker: String) -> String {
        let isLeftOut = { (byte: UInt8) in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: " ")
        }
        // Nearly every ticker is its own root.
        guard ticker.utf8.contains(where: isLeftOut) else { return ticker }
        return String(decoding: ticker.utf8.filter { !isLeftOut($0) }, as: UTF8.self)
    }

    private func written(padding: Bool) -> String {
        let head = padding ? 6 : root.utf8.count
        let (year, month, day) = expiry.parts
        return String(asciiCount: head + 15) { text in
            text.append(root)
            while text.written < head { text.append(UInt8(ascii: " ")) }
            text.append(year, width: 2)
            text.append(month, width: 2)
            text.append(day, width: 2)
            text.append(right == .call ? UInt8(ascii: "C") : UInt8(ascii: "P"))
            text.append(Int(strike.thousandths), width: 8)
        }
    }

    private static func isRoot(_ bytes: String.UTF8View) -> Bool {
        guard (1...6).contains(bytes.count), let first = bytes.first else { return false }
        let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
        let figures = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters.contains(first)
            && bytes.allSatisfy { letters.contains($0) || figures.contains($0) }
    }
}

/// An unsigned decimal of at most 9 digits. Nil for anything else, the empty included.
func decimal(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard (1...9).contains(bytes.count) else { return nil }
    var value = 0
    for byte in bytes {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return value
}

/// The same of a part of some text.
func decimal(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var value = 0
    for index in range {
        guard text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int(text[index] - UInt8(ascii: "0"))
    }
    return value
}
