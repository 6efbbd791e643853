internal import Foundation
internal import JWTKit

/// The claims that are looked at. Times are judged by `TokenVerifier`, not by the clock of now.
struct TokenBody: JWTPayload {
    let sub: String?
    let exp: Double?
    let nbf: Double?
    let iss: String?
    let aud: Audience?
    let tier: String?
    let role: String?
    let roles: [String]?

    var isOperator: Bool { role == "operator" || roles?.contains("operator") ?? false }

    func verify(using algorithm: some JWTAlgorithm) async throws {}

    /// One name, or several (RFC 7519, section 4.1.3).
    struct Audience: Codable {
        let values: [String]

        init(_ name: String) { values = [name] }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                values = [one]
            } else {
                values = try container.decode([String].self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(values)
        }
    }
}

extension DefaultJWTParser {
    /// The key that a token says it is signed with; nil when it does not say.
    func parseHeader(_ token: String) throws -> String? {
        let header = token.prefix { $0 != "." }
        guard header.count < token.count else { throw JWTError.malformedToken(reason: "no header") }
        var text = header.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        guard let data = Data(base64Encoded: String(text)) else {
            throw JWTError.malformedToken(reason: "no header")
        }
        return try jsonDecoder.decode(Names.self, from: data).kid
    }

    private struct Names: Decodable {
        let kid: String?
    }
}
