internal import CLibpq
internal import Secrets

/// Where a server is and who we are there: `DATABASE_URL`, read by libpq itself.
///
/// Printing it never shows a password, whatever form it was written in.
package struct PostgresAddress: Sendable, Equatable {
    private let others: [String: String]
    private let password: Secret?

    /// libpq's own names and values, those that were given.
    var options: [String: String] {
        guard let password else { return others }
        return others.merging(["password": password.reveal()]) { $1 }
    }

    /// - Parameter url: `postgresql://user:password@host:port/name?sslmode=verify-full`, or
    ///   `host=… user=…`. The corresponding C function is `PQconninfoParse`.
    package init(url: String) throws(PostgresAddressError) {
        guard !url.utf8.contains(0) else {
            throw PostgresAddressError(reason: "it holds a zero byte")
        }
        var complaint: UnsafeMutablePointer<CChar>?
        guard let list = unsafe PQconninfoParse(url, &complaint) else {
            // libpq repeats what it could not read, which may hold the password.
            unsafe PQfreemem(complaint)
            throw PostgresAddressError(
                reason: "expected postgresql://user:password@host:port/database"
            )
        }
        defer { unsafe PQconninfoFree(list) }
        var options: [String: String] = [:]
        var next = unsafe list
        while let keyword = unsafe next.pointee.keyword {
            if let value = unsafe next.pointee.val {
                options[unsafe String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe next += 1
        }
        password = options.removeValue(forKey: "password").map { Secret($0) }
        others = options
    }

    /// Takes over another's password, where nothing else differs: whoever holds a copy of this one
    /// uses it from the next connection on.
    ///
    /// - Returns: Whether nothing else differs.
    package func renewPassword(as other: PostgresAddress) -> Bool {
        guard others == other.others, (password == nil) == (other.password == nil) else {
            return false
        }
        if let password, let fresh = other.password { password.renew(fresh.reveal()) }
        return true
    }

    /// Hosts and their ports, in the order in which they are tried. A path is a unix socket's folder.
    var hosts: [(host: String, port: String)] {
        let hosts = Self.list(options["host"] ?? "")
        let ports = Self.list(options["port"] ?? "")
        return hosts.enumerated().map { index, host in
            let port =
                ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            return (host.isEmpty ? "localhost" : host, port.isEmpty ? "5432" : port)
        }
    }

    /// Its addresses are given, so that no name needs to be resolved.
    var isResolved: Bool { options["hostaddr"] != nil }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    package var user: String { options["user"] ?? "" }
    package var database: String { options["dbname"] ?? user }
}

extension PostgresAddress: CustomStringConvertible {
    package var description: String {
        let places = hosts.map { "\($0.host):\($0.port)" }.joined(separator: ",")
        return "postgresql://\(user)@\(places)/\(database)"
    }
}

/// An address that cannot be used, and why. Never says what it holds, which may be a secret.
package struct PostgresAddressError: Error, CustomStringConvertible {
    let reason: String
    package var description: String { reason }
}
