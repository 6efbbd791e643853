internal import JSON
internal import Policy
package import Secrets

/// Where the model's API is, the key for it, and how it wants to be spoken to.
package struct APIEndpoint: Sendable {
    /// What logs, replies and breakers call it.
    package let name: String
    /// With the version's path, without a slash at the end: `https://api.openai.com/v1`.
    package let baseURL: String
    package let key: Secret
    package let style: Style
    /// What models are called there, where that is not what they are called elsewhere.
    let names: [String: String]

    package enum Style: String, CaseIterable, Sendable {
        /// `Authorization: Bearer`.
        case openAI = "openai"
        /// `api-key`, as Azure has it.
        case azure
    }

    package static let defaultBaseURL = "https://api.openai.com/v1"

    /// - Parameter baseURL: `OPENAI_BASE_URL`; an origin alone means its path `/v1`.
    /// - Returns: Nil when it is not an absolute `http` or `https` URL without credentials.
    package init?(
        name: String = Route.primary,
        baseURL: String,
        key: Secret,
        style: Style = .openAI,
        names: [String: String] = [:]
    ) {
        var url = baseURL[...]
        while url.hasSuffix("/") { url.removeLast() }
        guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard !rest.isEmpty, !rest.hasPrefix("/"), !rest.contains("@"), !rest.contains("?"),
            !rest.contains("#"), rest.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.name = name
        self.baseURL = rest.contains("/") ? String(url) : "\(url)/v1"
        self.key = key
        self.style = style
        self.names = names
    }

    /// The same with another key.
    package func with(key: Secret) -> APIEndpoint? {
        APIEndpoint(name: name, baseURL: baseURL, key: key, style: style, names: names)
    }

    /// What a model is called there.
    package func name(of model: String) -> String { names[model] ?? model }

    var authorization: (name: String, value: String) {
        switch style {
        case .openAI: ("Authorization", "Bearer \(key.reveal())")
        case .azure: ("api-key", key.reveal())
        }
    }
}

/// `OPENAI_ENDPOINTS`: more endpoints, as a JSON array in the order in which they are tried.
package enum EndpointList {
    private enum Limits {
        /// A request makes four calls at the most.
        static let endpointsMax = 8
        static let nameBytesMax = 32
    }

    /// Reads `[{"name","base_url","api_key"?,"style"?,"models"?}]`; without `api_key` it is the
    /// primary's.
    package static func endpoints(
        _ text: String,
        defaultKey: Secret
    ) throws(EndpointListError) -> [APIEndpoint] {
        var parser = JSONParser(limits: JSONLimits(bytesMax: 64 * 1024, depthMax: 8))
        let found: [APIEndpoint]
        do throws(JSONError) {
            found = try parser.parse(Array(text.utf8)).array()
                .map { (value) throws(JSONError) in try endpoint(value, defaultKey) }
        } catch {
            // The place and what was expected; never a value, which may be a key.
            throw EndpointListError(
                description: "expected a JSON array of endpoints; it is wrong at \(error)"
            )
        }
        guard found.count <= Limits.endpointsMax else {
            throw EndpointListError(
                description: "expected at most \(Limits.endpointsMax) endpoints"
            )
        }
        let names = found.map(\.name)
        guard Set(names).count == names.count, !names.contains(Route.primary) else {
            throw EndpointListError(
                description: "expected names that differ, none of them \(Route.primary)"
            )
        }
        return found
    }

    private static func endpoint(
        _ value: JSONValue,
        _ defaultKey: Secret
    ) throws(JSONError) -> APIEndpoint {
        let body = try value.object()
        let name = try body.required("name")
        let text = try name.string()
        guard (1...Limits.nameBytesMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0.isWordByte })
        else {
            throw name.error(.notAllowed, "expected a name of a–z, 0–9, - and _")
        }
        let url = try body.required("base_url")
        let style: APIEndpoint.Style = try body.optional("style")?.choice() ?? .openAI
        var names: [String: String] = [:]
        if let models = try body.optional("models")?.object() {
            for (model, deployment) in models { names[model] = try deployment.string() }
        }
        guard
            let endpoint = APIEndpoint(
                name: text,
                baseURL: try url.string(),
                // A secret of its own also where it begins as the primary's: one is renewed without
                // the other.
                key: Secret(try body.optional("api_key")?.string() ?? defaultKey.reveal()),
                style: style,
                names: names
            )
        else {
            throw url.error(.notAllowed, "expected an http or https URL without user and query")
        }
        return endpoint
    }
}

package struct EndpointListError: Error, CustomStringConvertible {
    package let description: String
}

extension UInt8 {
    fileprivate var isWordByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
