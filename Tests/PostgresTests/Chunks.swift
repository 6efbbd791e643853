import Synchronization

/// Texts handed out one after the other.
final class Chunks: Sendable {
    private let left: Mutex<[String]>

    init(_ texts: [String]) { left = Mutex(texts.reversed()) }

    func next() -> [UInt8]? { left.withLock { $0.popLast().map { Array($0.utf8) } } }
}
