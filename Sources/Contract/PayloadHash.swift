internal import Crypto

/// What tells two payloads apart: 128 bits of their SHA-256, as 32 hexadecimal digits.
///
/// The same payload again under the same `request_id` is the same request; another is a conflict.
package struct PayloadHash: Hashable, Sendable {
    package let text: String

    package init(of payload: [UInt8]) {
        var digits: [UInt8] = []
        digits.reserveCapacity(32)
        for byte in SHA256.hash(data: payload).prefix(16) {
            digits.append(Self.digit(byte >> 4))
            digits.append(Self.digit(byte & 15))
        }
        text = String(decoding: digits, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
