/// Where the model's API is, and the key for it.
package struct APIEndpoint: Sendable {
    /// With the version's path, without a slash at the end: `https://api.openai.com/v1`.
    package let baseURL: String
    package let key: Secret

    package static let defaultBaseURL = "https://api.openai.com/v1"

    /// - Parameter baseURL: `OPENAI_BASE_URL`; an origin alone means its path `/v1`.
    /// - Returns: Nil when it is not an absolute `http` or `https` URL without credentials.
    package init?(baseURL: String, key: Secret) {
        var url = baseURL[...]
        while url.hasSuffix("/") { url.removeLast() }
        guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard !rest.isEmpty, !rest.hasPrefix("/"), !rest.contains("@"), !rest.contains("?"),
            !rest.contains("#"), rest.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.baseURL = rest.contains("/") ? String(url) : "\(url)/v1"
        self.key = key
    }
}
