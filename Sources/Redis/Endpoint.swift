internal import Secrets

/// Where a server is, and who we are there.
///
/// Written as a URL (`REDIS_URL`):
/// ```
/// redis://[user[:password]@]host[:port][/database]      port 6379, database 0 by default
/// rediss://…                                            the same over TLS
/// unix://[user[:password]@]/path[?db=database]
/// ```
/// Parts are percent-decoded; an IPv6 address stands in brackets; `?db=` works in all forms.
/// The password leaves this value only in the greeting: no description shows it.
package struct RedisEndpoint: Equatable, Sendable {
    package enum Place: Equatable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    package let place: Place
    package let usesTLS: Bool
    /// Nil is the server's `default` user.
    package let user: String?
    package let database: Int
    let password: Secret?

    package static let portDefault = 6379

    package init(
        host: String,
        port: Int = portDefault,
        user: String? = nil,
        password: String? = nil,
        database: Int = 0
    ) {
        self.init(
            place: .tcp(host: host, port: port),
            usesTLS: false,
            user: user,
            password: password.map { Secret($0) },
            database: database
        )
    }

    package init(
        unixPath path: String,
        user: String? = nil,
        password: String? = nil,
        database: Int = 0
    ) {
        self.init(
            place: .unix(path: path),
            usesTLS: false,
            user: user,
            password: password.map { Secret($0) },
            database: database
        )
    }

    private init(place: Place, usesTLS: Bool, user: String?, password: Secret?, database: Int) {
        self.place = place
        self.usesTLS = usesTLS
        self.user = user
        self.password = password
        self.database = database
    }

    /// Takes over another's password, where nothing else differs: whoever holds a copy of this one
    /// greets with it from the next connection on.
    ///
    /// - Returns: Whether nothing else differs.
    package func renewPassword(as other: RedisEndpoint) -> Bool {
        guard place == other.place, usesTLS == other.usesTLS, user == other.user,
            database == other.database, (password == nil) == (other.password == nil)
        else { return false }
        if let password, let fresh = other.password { password.renew(fresh.reveal()) }
        return true
    }
}

/// What is wrong with a Redis URL. Names the part, never its content where that may be a secret.
package enum RedisEndpointError: Error, Equatable, Sendable {
    case notAURL
    case unknownScheme(String)
    case missingHost
    case malformedHost
    case malformedPort
    case malformedDatabase
    case databaseGivenTwice
    case malformedUserInfo
    case unknownParameter(String)
    case missingPath
    case pathTooLong
}

extension RedisEndpointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAURL: "a Redis URL begins with redis://, rediss:// or unix://"
        case .unknownScheme(let scheme):
            "\(scheme):// is not a Redis URL: redis://, rediss:// or unix://"
        case .missingHost: "the Redis URL names no host"
        case .malformedHost:
            "the Redis URL's host is malformed (an IPv6 address stands in [brackets])"
        case .malformedPort: "the Redis URL's port is not a number from 1 to 65535"
        case .malformedDatabase: "the Redis URL's database is not a number from 0 on"
        case .databaseGivenTwice: "the Redis URL names a database in its path and in ?db="
        case .malformedUserInfo: "the Redis URL's user or password is not percent-encoded UTF-8"
        case .unknownParameter(let name): "the Redis URL has an unknown parameter, \(name)"
        case .missingPath: "the unix:// URL names no path"
        case .pathTooLong:
            "the unix:// URL's path is longer than \(RedisLimits.unixPathBytesMax) bytes"
        }
    }
}

extension RedisEndpoint: CustomStringConvertible, CustomDebugStringConvertible {
    /// The URL with the password as `***`; the user too when it stands alone, for some clients write
    /// a password there.
    package var description: String {
        var text = usesTLS ? "rediss://" : "redis://"
        if case .unix = place { text = "unix://" }
        switch (user, password) {
        case (let user?, .some): text += "\(user):***@"
        case (nil, .some): text += ":***@"
        case (.some, nil): text += "***@"
        case (nil, nil): break
        }
        switch place {
        case .tcp(let host, let port):
            text += host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            if database != 0 { text += "/\(database)" }
        case .unix(let path):
            text += path
            if database != 0 { text += "?db=\(database)" }
        }
        return text
    }

    package var debugDescription: String { description }
}

// MARK: - Parsing

extension RedisEndpoint {
    /// Reads a URL of one of the three forms.
    package init(url: String) throws(RedisEndpointError) {
        guard let schemeEnd = url.firstRange(of: "://") else { throw .notAURL }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var rest = url[schemeEnd.upperBound...]
        let parameters = Self.cut(&rest, at: "?")
        switch scheme {
        case "redis", "rediss":
            let path = Self.cut(&rest, at: "/")
            let (user, password) = try Self.userInfo(cutting: &rest)
            let (host, port) = try Self.hostAndPort(rest)
            self.init(
                place: .tcp(host: host, port: port),
                usesTLS: scheme == "rediss",
                user: user,
                password: password,
                database: try Self.database(path: path, parameters: parameters)
            )
        case "unix":
            let (user, password) = try Self.userInfo(cutting: &rest)
            guard rest.hasPrefix("/"), rest.count > 1 else { throw .missingPath }
            guard let path = Self.decoded(rest), !path.utf8.contains(0) else { throw .missingPath }
            guard path.utf8.count <= RedisLimits.unixPathBytesMax else { throw .pathTooLong }
            self.init(
                place: .unix(path: path),
                usesTLS: false,
                user: user,
                password: password,
                database: try Self.database(path: nil, parameters: parameters)
            )
        default:
            let isWord = scheme.utf8.allSatisfy { (0x61...0x7a).contains($0) } && !scheme.isEmpty
            if isWord { throw .unknownScheme(scheme) } else { throw .notAURL }
        }
    }

    /// Cuts the tail behind the first `mark` off, and answers it.
    private static func cut(_ rest: inout Substring, at mark: Character) -> Substring? {
        guard let place = rest.firstIndex(of: mark) else { return nil }
        defer { rest = rest[..<place] }
        return rest[rest.index(after: place)...]
    }

    /// Cuts `user:password@` off the front. The last `@` ends it, so that an unescaped one in a
    /// password does not make the rest of the password a host.
    private static func userInfo(
        cutting rest: inout Substring
    ) throws(RedisEndpointError) -> (String?, Secret?) {
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return (nil, nil) }
        var user = authority[..<at]
        rest = rest[rest.index(after: at)...]
        let password = cut(&user, at: ":")
        guard let userText = decoded(user) else { throw .malformedUserInfo }
        guard let password else { return (userText.isEmpty ? nil : userText, nil) }
        guard let passwordText = decoded(password) else { throw .malformedUserInfo }
        return (userText.isEmpty ? nil : userText, Secret(passwordText))
    }

    private static func hostAndPort(
        _ text: Substring
    ) throws(RedisEndpointError) -> (String, Int) {
        var rest = text
        var port: Substring?
        var host: String
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw .malformedHost }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let tail = rest[rest.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw .malformedHost }
            guard host.contains(":") else { throw .malformedHost }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            port = cut(&rest, at: ":")
            guard let decodedHost = decoded(rest) else { throw .malformedHost }
            host = decodedHost
            if port?.contains(":") == true { throw .malformedHost }
        }
        guard !host.isEmpty else { throw .missingHost }
        guard host.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") })
        else { throw .malformedHost }
        guard let port else { return (host, portDefault) }
        guard let number = decimal(port), (1...65_535).contains(number) else {
            throw .malformedPort
        }
        return (host, number)
    }

    private static func database(
        path: Substring?,
        parameters: Substring?
    ) throws(RedisEndpointError) -> Int {
        var found: Substring? = path?.isEmpty == true ? nil : path
        for parameter in (parameters ?? "").split(separator: "&") {
            var name = parameter
            let value = cut(&name, at: "=")
            guard name == "db" else { throw .unknownParameter(String(name)) }
            guard found == nil else { throw .databaseGivenTwice }
            found = value ?? ""
        }
        guard let found else { return 0 }
        guard let number = decimal(found) else { throw .malformedDatabase }
        return number
    }

    /// A number in plain digits: no sign, no space.
    private static func decimal(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    /// Undoes percent-encoding. Nil for a broken escape and for bytes that are not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit),
                let low = rest.popFirst().flatMap(hexDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
