/// A Lua script, sent once and then called by its hash.
package struct RedisScript: Sendable {
    /// For logs and metrics; the server does not know it.
    package let name: String
    package let source: [UInt8]
    /// SHA-1 of the source in 40 lower-case hex digits: the server's name for it.
    package let hash: String

    package init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
        hash = SHA1.hex(of: source)
    }
}

extension RedisConnection {
    /// Runs a script by its hash; where the server does not know it (restarted, flushed), loads it
    /// and runs it once more. A `NOSCRIPT` means that nothing was done, so asking again is safe.
    ///
    /// - Throws: As `send`.
    /// The corresponding Redis commands are `EVALSHA` and `SCRIPT LOAD`.
    @discardableResult
    package func eval(
        _ script: RedisScript,
        keys: [RedisCommand.Argument],
        arguments: [RedisCommand.Argument] = [],
        timeout: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        let call = Self.call(script, keys, arguments)
        do throws(RedisError) {
            return try await send(call, timeout: timeout)
        } catch .server(let error) where error.prefix == "NOSCRIPT" {
            let load = RedisCommand("SCRIPT", "LOAD", .bytes(script.source))
            let replies = try await pipeline([load, call], timeout: timeout)
            for reply in replies {
                if case .error(let error) = reply { throw .server(error) }
            }
            return replies.last ?? .null
        }
    }

    private static func call(
        _ script: RedisScript,
        _ keys: [RedisCommand.Argument],
        _ arguments: [RedisCommand.Argument]
    ) -> RedisCommand {
        // Name, hash and count, and some 10 bytes around each: a reply is large, and growing in the
        // middle would move all that is before it.
        var byteCount = 80
        for key in keys { byteCount += key.byteCount + 10 }
        for argument in arguments { byteCount += argument.byteCount + 10 }
        var command = RedisCommand("EVALSHA", reserving: byteCount)
        command.append(script.hash)
        command.append(keys.count)
        for key in keys { command.append(key) }
        for argument in arguments { command.append(argument) }
        return command
    }
}

/// SHA-1, because that is how Redis names scripts. Not for anything secret. RFC 3174.
enum SHA1 {
    static func hex(of message: [UInt8]) -> String {
        var digest: [5 of UInt32] = [
            0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0,
        ]
        let padded = pad(message)
        for block in stride(from: 0, to: padded.count, by: 64) {
            mix(padded[block..<(block + 64)], into: &digest)
        }
        var text = ""
        for index in digest.indices {
            let word = String(digest[index], radix: 16)
            text += String(repeating: "0", count: 8 - word.count) + word
        }
        return text
    }

    /// A one bit, zeros, and the length in bits: a multiple of 64 bytes.
    private static func pad(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        return padded
    }

    private static func mix(_ block: ArraySlice<UInt8>, into digest: inout [5 of UInt32]) {
        var words: [80 of UInt32] = .init(repeating: 0)
        for (index, byte) in block.enumerated() {
            words[index / 4] = words[index / 4] << 8 | UInt32(byte)
        }
        for index in 16..<80 {
            let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = rotate(word, 1)
        }
        var (a, b, c, d, e) = (digest[0], digest[1], digest[2], digest[3], digest[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: ((b & c) | (~b & d), 0x5a82_7999)
                case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
                case ..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
                default: (b ^ c ^ d, 0xca62_c1d6)
                }
            let next = rotate(a, 5) &+ choice &+ e &+ constant &+ words[index]
            (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
        }
        digest[0] &+= a
        digest[1] &+= b
        digest[2] &+= c
        digest[3] &+= d
        digest[4] &+= e
    }

    private static func rotate(_ word: UInt32, _ places: UInt32) -> UInt32 {
        word << places | word >> (32 - places)
    }
}
