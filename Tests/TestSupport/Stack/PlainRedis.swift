import Glibc

/// A Redis client as simple as one can be, for the side of a test that is not under test: it shares
/// no line with the service's own.
package final class PlainRedis {
    private let peer: BlockingSocket
    private var received: [UInt8] = []
    private var place = 0

    package indirect enum Reply: Sendable, Equatable {
        case text(String)
        case bytes([UInt8])
        case number(Int)
        case list([Reply])
        case null
        case error(String)

        package var int: Int? { if case .number(let number) = self { number } else { nil } }
        package var list: [Reply] { if case .list(let all) = self { all } else { [] } }
        package var string: String? {
            switch self {
            case .text(let text): text
            case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
            case .number, .list, .null, .error: nil
            }
        }
    }

    package struct Lost: Error {}

    package init(_ server: RedisServer) throws {
        peer = try BlockingSocket(unixPath: server.socketPath)
    }

    deinit { peer.close() }

    @discardableResult
    package func ask(_ words: String...) throws -> Reply { try ask(words.map { Array($0.utf8) }) }

    @discardableResult
    package func ask(_ command: [[UInt8]]) throws -> Reply { try askAll([command])[0] }

    /// Sends commands in batches, and answers all replies in order.
    package func askAll(_ commands: [[[UInt8]]]) throws -> [Reply] {
        var replies: [Reply] = []
        var rest = commands[...]
        while !rest.isEmpty {
            // Few enough that neither side's buffers fill while the other does not read.
            let batch = rest.prefix(64)
            rest = rest.dropFirst(64)
            guard peer.write(batch.flatMap(Self.encoded)) else { throw Lost() }
            for _ in batch { replies.append(try reply()) }
        }
        return replies
    }

    private static func encoded(_ words: [[UInt8]]) -> [UInt8] {
        words.reduce(into: Array("*\(words.count)\r\n".utf8)) { all, word in
            all += Array("$\(word.count)\r\n".utf8) + word + [13, 10]
        }
    }

    private func reply() throws -> Reply {
        let line = try line()
        let rest = String(decoding: line.dropFirst(), as: UTF8.self)
        switch line.first {
        case UInt8(ascii: "+"): return .text(rest)
        case UInt8(ascii: "-"): return .error(rest)
        case UInt8(ascii: ":"): return .number(Int(rest) ?? 0)
        case UInt8(ascii: "$"):
            guard let count = Int(rest), count >= 0 else { return .null }
            let bytes = try take(count)
            _ = try take(2)
            return .bytes(bytes)
        case UInt8(ascii: "*"):
            guard let count = Int(rest), count >= 0 else { return .null }
            return .list(try (0..<count).map { _ in try reply() })
        default: throw Lost()
        }
    }

    private func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            let byte = try take(1)[0]
            if byte == 10 { return line }
            if byte != 13 { line.append(byte) }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.count - place < count {
            let more = peer.read(upTo: 1 << 18)
            guard !more.isEmpty else { throw Lost() }
            received.removeFirst(place)
            place = 0
            received += more
        }
        defer { place += count }
        return Array(received[place..<(place + count)])
    }
}
