/// Appends one JSON value to memory of its own, minified.
///
/// It checks nothing but nesting, and that in debug builds only: what is opened is closed, and an
/// object's members are a key and a value each. Separators are its own affair.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.key("symbol"); writer.value("SPY")
///     writer.field("quantity", 10)
///     writer.endObject()
///     let bytes = writer.finish()
@safe package struct JSONWriter: ~Copyable {
    /// `room` bytes, of which the first `count` are written: an array would ask at every append
    /// whether it is the only one.
    private var memory: UnsafeMutablePointer<UInt8>
    private var room: Int
    /// The memory is not ours, as long as it suffices.
    private var isLent = false
    private var count = 0
    /// Whether the next value or key comes after another one, and needs a comma.
    private var follows = false
    private var depth = 0

    /// - Parameter reservingCapacity: The bytes expected; 512 holds an event, and spares growing.
    package init(reservingCapacity: Int = 512) {
        room = max(reservingCapacity, 16)
        unsafe memory = .allocate(capacity: room)
    }

    private init(in lent: UnsafeMutableBufferPointer<UInt8>, _ start: UnsafeMutablePointer<UInt8>) {
        room = lent.count
        unsafe memory = start
        isLent = true
    }

    deinit { if !isLent { unsafe memory.deallocate() } }

    /// What `write` writes, in place: not copied, as by `finish`, where `capacity` was enough.
    package static func bytes(
        reserving capacity: Int,
        _ write: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var outgrown: [UInt8]?
        let room = max(capacity, 16)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { lent, count in
            guard let start = lent.baseAddress else { return }
            // SAFETY: the writer ends with this closure, and says how much of it is written.
            var writer = unsafe JSONWriter(in: lent, start)
            write(&writer)
            if writer.isLent { count = writer.count } else { outgrown = writer.finish() }
        }
        return outgrown ?? bytes
    }

    /// The written value's bytes.
    package consuming func finish() -> [UInt8] {
        assert(depth == 0, "an array or object was not closed")
        return unsafe Array(UnsafeBufferPointer(start: memory, count: count))
    }

    /// Forgets what was written and keeps the memory, for a writer that is used again and again.
    package mutating func reset() {
        count = 0
        follows = false
        depth = 0
    }
}

// MARK: - Memory

extension JSONWriter {
    /// Makes room for that many bytes more. Everything that is put begins with it.
    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if room - count < more { grow(by: more) }
    }

    @inline(never)
    private mutating func grow(by more: Int) {
        room = max(count + more, room * 2)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
        unsafe larger.initialize(from: memory, count: count)
        if !isLent { unsafe memory.deallocate() }
        isLent = false
        unsafe memory = larger
    }

    /// Room has been made for it.
    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        assert(count < room)
        // SAFETY: inside, by `reserve`.
        unsafe memory[count] = byte
        count += 1
    }

    /// Room has been made for them.
    @inline(__always)
    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        assert(bytes.count <= room - count)
        guard let start = bytes.baseAddress else { return }
        // SAFETY: inside, by `reserve`; the memory is ours alone, so `bytes` is elsewhere.
        unsafe (memory + count).initialize(from: start, count: bytes.count)
        count += bytes.count
    }

    /// Room has been made for it.
    @inline(__always)
    private mutating func put(_ text: StaticString) {
        // SAFETY: a literal's UTF-8 lives as long as the program; none of ours is a lone scalar,
        // which `utf8Start` would trap on.
        unsafe put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Room has been made for it.
    @inline(__always)
    private mutating func put(_ text: Span<UInt8>) {
        unsafe text.withUnsafeBufferPointer { unsafe put($0) }
    }

    /// Room has been made for them, and a comma.
    @inline(__always)
    private mutating func separate() {
        if follows { put(UInt8(ascii: ",")) }
        follows = true
    }
}

// MARK: - Structure

extension JSONWriter {
    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    private mutating func open(_ bracket: UInt8) {
        reserve(2)
        separate()
        put(bracket)
        follows = false
        depth += 1
    }

    private mutating func close(_ bracket: UInt8) {
        assert(depth > 0, "closed more than was opened")
        reserve(1)
        put(bracket)
        follows = true
        depth -= 1
    }

    /// A key known when the program was written, holding nothing that JSON escapes: no quote, no
    /// backslash, no control character. It is copied as it stands.
    package mutating func key(_ key: StaticString) {
        assert(!key.description.utf8.contains(where: needsEscape), "use key(escaping:)")
        reserve(key.utf8CodeUnitCount + 4)
        separate()
        put(UInt8(ascii: "\""))
        put(key)
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
        follows = false
    }

    /// Any key, escaped.
    package mutating func key(escaping key: String) { self.key(utf8: key.utf8Span.span) }

    /// A key given as its bytes, which the caller knows to be UTF-8; escaped.
    package mutating func key(utf8 key: Span<UInt8>) {
        string(key)
        reserve(1)
        put(UInt8(ascii: ":"))
        follows = false
    }
}

// MARK: - Values

extension JSONWriter {
    package mutating func value(_ string: String) { self.string(string.utf8Span.span) }

    /// A string given as its bytes, which the caller knows to be UTF-8.
    package mutating func value(utf8 string: Span<UInt8>) { self.string(string) }

    package mutating func value(_ number: Int64) {
        reserve(2 + Digits.countMax)
        separate()
        if number < 0 { put(UInt8(ascii: "-")) }
        put(Digits(number.magnitude), atLeast: 1)
    }

    package mutating func value(_ number: Int) { value(Int64(number)) }

    package mutating func value(_ number: UInt64) {
        reserve(1 + Digits.countMax)
        separate()
        put(Digits(number), atLeast: 1)
    }

    /// The shortest digits that read back as the same bits; `1.0` keeps its point. JSON has no
    /// infinity and no NaN: like ECMAScript's `JSON.stringify` they become null, so that the
    /// document stays readable and its reader decides.
    package mutating func value(_ number: Double) {
        guard number.isFinite else { return null() }
        if let cents = Cents(number) { return put(cents) }
        // Up to 15 characters, which prices have, this String lives in registers.
        let text = number.description
        reserve(text.utf8.count + 1)
        separate()
        put(text.utf8Span.span)
    }

    package mutating func value(_ bool: Bool) {
        if bool { literal("true") } else { literal("false") }
    }

    package mutating func null() { literal("null") }

    /// A number given exactly, as an integer of units of 10^-scale: `18_350_000` nano-dollars at
    /// scale 9 are `0.01835`. Trailing zeros, and a point with nothing behind it, are left out.
    ///
    /// - Parameter scale: Digits behind the point, 0 or more.
    package mutating func decimal(_ units: Int64, scale: Int) {
        guard units != 0 else { return literal("0") }
        var (rest, scale) = (units.magnitude, max(scale, 0))
        while scale > 0, rest % 10 == 0 { (rest, scale) = (rest / 10, scale - 1) }
        let (whole, fraction) = Self.split(rest, scale: scale)
        reserve(4 + 2 * Digits.countMax + scale)
        separate()
        if units < 0 { put(UInt8(ascii: "-")) }
        put(Digits(whole), atLeast: 1)
        guard scale > 0 else { return }
        put(UInt8(ascii: "."))
        put(Digits(fraction), atLeast: scale)
    }

    /// What stands before the point and behind it.
    private static func split(_ units: UInt64, scale: Int) -> (UInt64, UInt64) {
        // 10^20 is beyond every `UInt64`: nothing is left before the point.
        guard scale < Digits.countMax else { return (0, units) }
        let one = (0..<scale).reduce(UInt64(1)) { power, _ in power * 10 }
        return (units / one, units % one)
    }

    private mutating func put(_ cents: Cents) {
        reserve(5 + Digits.countMax)
        separate()
        if cents.isNegative { put(UInt8(ascii: "-")) }
        put(Digits(cents.magnitude / 100), atLeast: 1)
        put(UInt8(ascii: "."))
        put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: cents.magnitude % 100 / 10))
        let last = UInt8(truncatingIfNeeded: cents.magnitude % 10)
        if last > 0 { put(UInt8(ascii: "0") + last) }
    }

    /// One value already encoded, copied as it stands. The caller answers for its being JSON.
    package mutating func raw(_ json: [UInt8]) {
        reserve(json.count + 1)
        separate()
        put(json.span)
    }

    private mutating func literal(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount + 1)
        separate()
        put(text)
    }
}

// MARK: - Members

extension JSONWriter {
    package mutating func field(_ key: StaticString, _ string: String) {
        self.key(key)
        value(string)
    }

    package mutating func field(_ key: StaticString, _ number: Int64) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ number: Int) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ number: Double) {
        self.key(key)
        value(number)
    }

    package mutating func field(_ key: StaticString, _ bool: Bool) {
        self.key(key)
        value(bool)
    }
}

// MARK: - Characters

/// What RFC 8259, section 7 says must be escaped.
private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// The position of the first byte of `text` from `start` on that must be escaped, or its count.
private func firstEscape(in text: Span<UInt8>, from start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = ones &* UInt64(UInt8(ascii: "\""))
    let backslashes = ones &* UInt64(UInt8(ascii: "\\"))
    /// Bytes of `word` below `bound`, as set high bits; right up to the lowest one set.
    func less(_ word: UInt64, than bound: UInt64) -> UInt64 { (word &- ones &* bound) & ~word }
    var at = start
    let bytes = unsafe text.bytes
    while at + 8 <= text.count {
        // SAFETY: eight bytes from `at` on are within the text.
        let word = unsafe UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)
        )
        let escapes =
            (less(word, than: 0x20) | less(word ^ quotes, than: 1)
                | less(word ^ backslashes, than: 1)) & (ones &* 0x80)
        if escapes != 0 { return at + escapes.trailingZeroBitCount / 8 }
        at += 8
    }
    while at < text.count, !needsEscape(text[at]) { at += 1 }
    return at
}

extension JSONWriter {
    private mutating func string(_ text: Span<UInt8>) {
        reserve(text.count + 3)
        separate()
        put(UInt8(ascii: "\""))
        var start = 0
        while true {
            let escape = firstEscape(in: text, from: start)
            put(text.extracting(start..<escape))
            guard escape < text.count else { break }
            start = escape + 1
            // Its own six bytes at the most, those behind it, and the quote.
            reserve(7 + text.count - start)
            putEscape(of: text[escape])
        }
        put(UInt8(ascii: "\""))
    }

    private mutating func putEscape(of byte: UInt8) {
        put(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: put(UInt8(ascii: "b"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0C: put(UInt8(ascii: "f"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0..<0x20:
            put("u00")
            put(UInt8(ascii: "0") + byte >> 4)
            let low = byte & 0xF
            put(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        default: put(byte)
        }
    }

    /// Room has been made for them. With zeros before them up to `digitsMin`.
    private mutating func put(_ digits: Digits, atLeast digitsMin: Int) {
        for _ in 0..<max(digitsMin - digits.count, 0) { put(UInt8(ascii: "0")) }
        for at in (Digits.countMax - digits.count)..<Digits.countMax { put(digits.all[at]) }
    }
}

/// A number that is some hundredths, as prices are: written without looking for its digits.
private struct Cents {
    let magnitude: UInt64
    let isNegative: Bool

    /// Nil for a number with more digits behind the point, for zero, which may be negative, and
    /// beyond ten trillion.
    ///
    /// No two decimals of at most 15 digits are the same double, so the one that is found is the
    /// shortest; and it is the number, since IEEE 754 rounds a division once.
    init?(_ number: Double) {
        let size = number.magnitude
        guard size >= 0.01, size < 1e13 else { return nil }
        let hundredths = UInt64(size * 100 + 0.5)
        guard Double(hundredths) / 100 == size else { return nil }
        magnitude = hundredths
        isNegative = number < 0
    }
}

/// The decimal digits of a number; of 0 there are none.
private struct Digits {
    /// As many hold every `UInt64`.
    static let countMax = 20

    /// The last `count` are used.
    private(set) var all = [20 of UInt8](repeating: 0)
    private(set) var count = 0

    init(_ number: UInt64) {
        var rest = number
        while rest > 0 {
            count += 1
            all[Self.countMax - count] =
                UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}
