internal import CScreening

/// What training has left: read once from the binary, the same for all requests.
struct ScreeningTables: Sendable {
    /// Features of words and letters, and behind them those of what words are about.
    static let ngramBits = 16
    static let conceptBits = 12

    let weights: [Float]
    let bias: Float
    /// Where the raw score says `flag`, and how steeply it rises there.
    let line: Float
    let slope: Float
    private let foldedFrom: [UInt32]
    private let foldedTo: [UInt32]
    let lexicon: ScreeningLexicon
    let policy: ScreeningLexicon

    static let shared = ScreeningTables()

    private init() {
        let file = unsafe Self.bytes(cscreening_weights())
        func float(_ index: Int) -> Float {
            Float(bitPattern: Self.word(file, 4 * index))
        }
        let scale = float(0)
        bias = float(1)
        line = float(2)
        slope = float(3)
        weights = file.dropFirst(16).map { Float(Int8(bitPattern: $0)) * scale }
        let folding = unsafe Self.bytes(cscreening_folding())
        let places = stride(from: 0, to: folding.count, by: 8)
        foldedFrom = places.map { Self.word(folding, $0) }
        foldedTo = places.map { Self.word(folding, $0 + 4) }
        let from = foldedFrom
        let to = foldedTo
        func read(_ bytes: [UInt8]) -> ScreeningLexicon {
            ScreeningLexicon(String(decoding: bytes, as: UTF8.self)) { Self.folded($0, from, to) }
        }
        lexicon = unsafe read(Self.bytes(cscreening_lexicon()))
        policy = unsafe read(Self.bytes(cscreening_policy()))
    }

    /// At most four ASCII characters, the first in the lowest byte; nil when it is no disguise.
    func folded(_ point: UInt32) -> UInt32? { Self.folded(point, foldedFrom, foldedTo) }

    private static func folded(_ point: UInt32, _ from: [UInt32], _ to: [UInt32]) -> UInt32? {
        var low = 0
        var high = from.count
        while low < high {
            let middle = (low + high) / 2
            if from[middle] < point { low = middle + 1 } else { high = middle }
        }
        return low < from.count && from[low] == point ? to[low] : nil
    }

    private static func bytes(_ file: cscreening_file) -> [UInt8] {
        // SAFETY: an array of the binary, and its size as the compiler counted it.
        unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
            | UInt32(bytes[at + 3]) << 24
    }
}
