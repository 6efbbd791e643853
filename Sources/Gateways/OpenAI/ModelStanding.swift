internal import EventLoop
package import HTTPClient

/// What the API says of a model, asked once at start.
package enum ModelStanding: Equatable, Sendable {
    case live
    /// 404: it is not there for this key. Permanent.
    case gone
    /// 401 or 403: the key was refused.
    case keyRefused
    /// It could not be asked, which is no reason not to start.
    case unknown(String)
}

extension OpenAIModel {
    /// The corresponding call is `GET /v1/models/{model}`. Takes at most `limit`.
    package static func standing(
        of modelName: String,
        at endpoint: APIEndpoint,
        by http: HTTPClient,
        within limit: Duration
    ) async -> ModelStanding {
        let path = modelName.utf8.map { byte in
            byte.isPathSafe
                ? String(UnicodeScalar(byte))
                : (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }.joined()
        let request = HTTPRequest(
            url: "\(endpoint.baseURL)/models/\(path)",
            headers: [endpoint.authorization],
            limits: HTTPLimits(deadline: .now + limit, connect: limit, responseBytesMax: 64 * 1024)
        )
        do throws(HTTPError) {
            let response = try await http.send(request)
            switch response.status {
            case 200: return .live
            case 401, 403: return .keyRefused
            // An endpoint that lists no models at all also answers 404, but not with this code.
            case 404 where APIError(response.body).code == "model_not_found": return .gone
            default: return .unknown("it answered \(response.status)")
            }
        } catch {
            return .unknown("\(error)")
        }
    }
}

extension UInt8 {
    /// Unreserved in a URL's path (RFC 3986, 2.3), and the colon of fine-tuned models' names.
    fileprivate var isPathSafe: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}
