internal import Glibc

/// How much a text reads like an attack: a line through what its letters, words and their meanings
/// weigh, learned by `deploy/screening/train`.
struct ScreeningScore {
    private let tables: ScreeningTables
    /// Features that were counted, a bit each.
    private var seen: [UInt64]
    private var touched: [UInt32] = []

    enum Limits {
        /// A long text is as bad as its worst piece of this many characters; pieces overlap by half,
        /// so that none is cut everywhere.
        static let window = 320
        static let step = 160
        /// Words that may lie between two that belong together.
        static let reach = 8
    }

    init(_ tables: ScreeningTables) {
        self.tables = tables
        let bits = 1 << ScreeningTables.ngramBits + 1 << ScreeningTables.conceptBits
        seen = [UInt64](repeating: 0, count: bits / 64)
    }

    /// 0 to 1; from 0.5 on it is flagged.
    mutating func score(_ points: [UInt32]) -> Double {
        var worst = -Float.infinity
        if points.count <= Limits.window {
            worst = raw(points.span)
        } else {
            let end = points.count - Limits.step
            for start in stride(from: 0, to: end, by: Limits.step) {
                let piece = Array(points[start..<min(start + Limits.window, points.count)])
                worst = max(worst, raw(piece.span))
            }
        }
        return calibrated(worst)
    }

    private func calibrated(_ raw: Float) -> Double {
        1 / (1 + exp(-Double(tables.slope * (raw - tables.line))))
    }

    private mutating func raw(_ points: Span<UInt32>) -> Float {
        let words = ScreeningText.words(points)
        let letters = ngrams(points) + wordGrams(words)
        let lettersCount = touched.count
        let meanings = meanings(tables.lexicon.concepts(points, words))
        let meaningsCount = touched.count - lettersCount
        forget()
        var sum = tables.bias
        if lettersCount > 0 { sum += letters / Float(lettersCount).squareRoot() }
        if meaningsCount > 0 { sum += 2 * meanings / Float(meaningsCount).squareRoot() }
        return sum
    }

    private mutating func forget() {
        for index in touched { seen[Int(index >> 6)] = 0 }
        touched.removeAll(keepingCapacity: true)
    }

    /// The feature's weight when it is new, else 0.
    private mutating func weight(_ index: UInt32) -> Float {
        let (place, bit) = (Int(index >> 6), UInt64(1) << UInt64(index & 63))
        guard seen[place] & bit == 0 else { return 0 }
        seen[place] |= bit
        touched.append(index)
        return tables.weights[Int(index)]
    }

    private mutating func ngram(_ hash: UInt32) -> Float {
        weight((hash ^ hash >> 15) & (1 << UInt32(ScreeningTables.ngramBits) - 1))
    }
}

// MARK: - Features, as `deploy/screening/text.py` has them

extension ScreeningScore {
    private mutating func ngrams(_ points: Span<UInt32>) -> Float {
        var sum: Float = 0
        for index in points.indices {
            var hashes: (UInt32, UInt32, UInt32, UInt32) = (
                FNV.basis32 + 2, FNV.basis32 + 3, FNV.basis32 + 4, FNV.basis32 + 5
            )
            for offset in 0..<min(5, points.count - index) {
                let point = points[index + offset]
                let sign = ScreeningText.isDigit(point) ? 0x30 : point
                hashes.1 = offset < 3 ? FNV.mix(hashes.1, sign) : hashes.1
                hashes.2 = offset < 4 ? FNV.mix(hashes.2, sign) : hashes.2
                hashes.3 = FNV.mix(hashes.3, sign)
                if offset < 2 { hashes.0 = FNV.mix(hashes.0, sign) }
            }
            let left = points.count - index
            if left >= 2, ScreeningText.isWide(points[index]),
                ScreeningText.isWide(points[index + 1])
            {
                sum += ngram(hashes.0)
            }
            if left >= 3 { sum += ngram(hashes.1) }
            if left >= 4 { sum += ngram(hashes.2) }
            if left >= 5 { sum += ngram(hashes.3) }
        }
        return sum
    }

    private mutating func wordGrams(_ words: [ScreeningText.Word]) -> Float {
        var sum: Float = 0
        for index in words.indices {
            let first = words[index].hash
            sum += ngram(FNV.mix(FNV.basis32 + 11, first))
            guard index + 1 < words.count else { continue }
            let pair = FNV.mix(FNV.mix(FNV.basis32 + 12, first), words[index + 1].hash)
            sum += ngram(pair)
            guard index + 2 < words.count else { continue }
            let third = words[index + 2].hash
            let triple = FNV.mix(FNV.mix(FNV.basis32 + 13, first), words[index + 1].hash)
            sum += ngram(FNV.mix(triple, third))
            sum += ngram(FNV.mix(FNV.mix(FNV.basis32 + 14, first), third))
        }
        return sum
    }

    /// Meanings alone, in pairs and in triples, each near the one before it.
    private mutating func meanings(_ found: [ScreeningLexicon.Found]) -> Float {
        var sum: Float = 0
        for first in found.indices {
            let one = Self.mix(FNV.basis32 + 21, found[first])
            sum += meaning(one)
            for second in (first + 1)..<max(min(first + 4, found.count), first + 1) {
                if found[second].place - found[first].place > Limits.reach { break }
                let two = Self.mix(Self.mix(FNV.basis32 + 22, found[first]), found[second])
                sum += meaning(two)
                for third in (second + 1)..<max(min(second + 3, found.count), second + 1) {
                    if found[third].place - found[second].place > Limits.reach { break }
                    let pair = Self.mix(Self.mix(FNV.basis32 + 23, found[first]), found[second])
                    sum += meaning(Self.mix(pair, found[third]))
                }
            }
        }
        return sum
    }

    private static func mix(_ hash: UInt32, _ found: ScreeningLexicon.Found) -> UInt32 {
        FNV.mix(hash, UInt32(found.concept) + 1)
    }

    private mutating func meaning(_ hash: UInt32) -> Float {
        let place = (hash ^ hash >> 15) & (1 << UInt32(ScreeningTables.conceptBits) - 1)
        return weight(place + 1 << UInt32(ScreeningTables.ngramBits))
    }
}
