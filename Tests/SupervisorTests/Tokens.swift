import Authorization
import Crypto
import Foundation

/// Bearer tokens as somebody else signs them, with a secret that both sides share.
enum Tokens {
    static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

    /// - Parameter claims: Beside an audience, and a minute to go on.
    static func signed(_ claims: [String: Any]) throws -> String {
        func url(_ data: Data) -> String {
            data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
        }
        var all: [String: Any] = ["aud": "mip", "exp": Date().timeIntervalSince1970 + 60]
        all.merge(claims) { $1 }
        let body = try JSONSerialization.data(withJSONObject: all)
        let head = url(Data(#"{"alg":"HS256","typ":"JWT"}"#.utf8)) + "." + url(body)
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(head.utf8),
            using: SymmetricKey(data: secret)
        )
        return "\(head).\(url(Data(code)))"
    }

    static var nowMs: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    static func verifier() async throws -> TokenVerifier {
        try await TokenVerifier(.hs256(secret: secret), audience: "mip", nowMs: nowMs)
    }
}
