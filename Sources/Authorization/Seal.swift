package import Contract
internal import Crypto
package import Policy

/// What goes on in a token's place: its claims, for one request, sealed by the fleet.
///
/// An entry that is handed on (a member of a batch, one that is taken back) must not hold a token, and
/// whoever can add entries must not be able to claim what no token said. So the claims are bound to
/// request, user and payload by a keyed hash, whose key only the service reads.
package struct Seal: Sendable {
    private let key: SymmetricKey

    package enum Limits {
        package static let keyBytes = 32
    }

    /// - Parameter key: The fleet's, of `Limits.keyBytes` bytes.
    package init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    /// `premium.` or, where the token names no tier, `.` and then the hash, in hex.
    package func close(_ tier: Tier?, _ identity: Identity) -> String {
        let name = tier?.rawValue ?? ""
        return "\(name).\(hex(code(name, identity)))"
    }

    /// - Returns: The tier that was sealed (nil for none), or nothing when the seal is not ours, or for
    ///   another request.
    package func open(_ text: String, _ identity: Identity) -> Opened? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let code = bytes(parts[1]) else { return nil }
        let name = String(parts[0])
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                code,
                authenticating: message(name, identity),
                using: key
            )
        else { return nil }
        return Opened(tier: Tier(rawValue: name))
    }

    package struct Opened: Equatable, Sendable {
        package let tier: Tier?
    }

    private func code(_ tier: String, _ identity: Identity) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message(tier, identity), using: key))
    }

    /// Each part with its length before it, so that no two lists of parts are the same bytes.
    private func message(_ tier: String, _ identity: Identity) -> [UInt8] {
        [tier, identity.requestID.text, identity.user, identity.payloadHash.text]
            .reduce(into: []) { $0 += Array("\($1.utf8.count):\($1)".utf8) }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func bytes(_ hex: Substring) -> [UInt8]? {
        let digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        guard digits.count == hex.utf8.count, digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
