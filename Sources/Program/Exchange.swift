package import Telemetry

/// One HTTP request, as plain values: what a program answers beside its health.
package struct Exchange: Sendable {
    /// `GET`, `POST`, …
    package let method: String
    /// As it was sent, without the query; percent signs are still in it.
    package let path: String
    package let query: [String: String]
    /// By lower-case name; of a name that stands twice the last.
    package let headers: [String: String]
    /// Who asks, without the port; nil where that is not known.
    package let address: String?
    /// At most `Limits.bodyBytesMax`.
    package let body: [UInt8]

    package enum Limits {
        /// What a form or a command needs, many times over.
        package static let bodyBytesMax = 65_536
    }

    package init(
        method: String,
        path: String,
        query: [String: String] = [:],
        headers: [String: String] = [:],
        address: String? = nil,
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.address = address
        self.body = body
    }

    /// The path's parts, decoded; nil when one of them is not UTF-8.
    package var parts: [String]? {
        var parts: [String] = []
        for part in path.split(separator: "/") {
            guard let decoded = Self.decoded(part) else { return nil }
            parts.append(decoded)
        }
        return parts
    }

    /// `%41` is `A` (RFC 3986, 2.1). Nil for what is not UTF-8, or a percent sign that says nothing.
    package static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// What is answered.
package struct Reply: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    package let body: Body

    package enum Body: Sendable {
        case bytes([UInt8])
        /// Asked for more each time the last was sent, until there is no more.
        case stream(@Sendable () async -> [UInt8]?)
    }

    package init(status: Int, headers: [(name: String, value: String)], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(
        _ status: Int,
        _ contentType: String,
        _ body: [UInt8],
        headers: [(name: String, value: String)] = []
    ) {
        self.init(
            status: status,
            headers: [("content-type", contentType)] + headers,
            body: .bytes(body)
        )
    }

    package init(_ page: Page) { self.init(page.status, page.contentType, page.body) }

    package func adding(_ more: [(name: String, value: String)]) -> Reply {
        Reply(status: status, headers: headers + more, body: body)
    }
}
