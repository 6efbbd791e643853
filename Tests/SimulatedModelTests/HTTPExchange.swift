import Foundation
import Glibc
import SimulatedModel
import TestSupport

/// One TCP connection to a simulator, for what an HTTP library would hide: half answers, resets,
/// going away in the middle. Reads give up after `patience`, so that no test hangs.
struct RawConnection: ~Copyable {
    private let descriptor: Int32

    static let patience = 20

    struct Failure: Error, CustomStringConvertible {
        let call: String
        let code: Int32
        var description: String { "\(call): \(unsafe String(cString: strerror(code)))" }
    }

    init(to simulator: SimulatorProcess) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
        unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(simulator.port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let descriptor = descriptor
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "connect", code: errno) }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(call: "send", code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// The next bytes; empty when the peer has closed in good order.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count >= 0 else { throw Failure(call: "recv", code: errno) }
        return Array(buffer.prefix(count))
    }

    /// Everything until the peer closes.
    func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return all }
            all += more
        }
    }
}

/// A response, read to its end.
struct Reply {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    func json() throws -> JSONValue { try JSONParser.parse(body) }

    /// The events of a stream, without `data: `.
    var events: [String] {
        text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map {
            String($0.dropFirst("data: ".count))
        }
    }
}

extension SimulatorProcess {
    static func head(
        _ method: String,
        _ path: String,
        headers: [String: String] = [:],
        bodyBytes: Int = 0,
        authorization: String? = "Bearer \(key)"
    ) -> String {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: simulator", "Connection: close"]
        if let authorization { lines.append("Authorization: \(authorization)") }
        if bodyBytes > 0 { lines.append("Content-Length: \(bodyBytes)") }
        lines += headers.map { "\($0.key): \($0.value)" }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// One request on a connection of its own.
    func ask(
        _ method: String,
        _ path: String,
        headers: [String: String] = [:],
        body: String = "",
        authorization: String? = "Bearer \(key)"
    ) throws -> Reply {
        let connection = try RawConnection(to: self)
        let head = Self.head(
            method,
            path,
            headers: headers,
            bodyBytes: body.utf8.count,
            authorization: authorization
        )
        try connection.send(head + body)
        return try Reply(received: try connection.receiveAll())
    }

    /// A chat completion; `fields` are added to, or replace those of, a short request.
    func complete(_ fields: JSONValue = [:], headers: [String: String] = [:]) throws -> Reply {
        try ask(
            "POST",
            "/v1/chat/completions",
            headers: headers,
            body: Self.chat(fields).text
        )
    }

    static func chat(_ fields: JSONValue = [:]) -> JSONValue {
        let usual: JSONValue = [
            "model": "gpt-4o",
            "messages": [["role": "user", "content": "What is a bull put spread?"]],
        ]
        let names = (fields.members ?? []).map(\.name)
        let kept = (usual.members ?? []).filter { !names.contains($0.name) }
        return .object(kept + (fields.members ?? []))
    }

    func behave(_ behavior: JSONValue) throws -> Reply {
        try ask("POST", "/simulator/behavior", body: behavior.text)
    }

    func usage() throws -> JSONValue {
        try ask("GET", "/simulator/usage", authorization: nil).json()
    }

    /// Asks for the usage until no call is in flight; the caller has a time limit.
    func settledUsage() throws -> JSONValue {
        while true {
            let usage = try usage()
            if usage["in_flight"] == 0 { return usage }
        }
    }
}

extension Reply {
    struct NotHTTP: Error, CustomStringConvertible {
        let description: String
    }

    init(received: [UInt8]) throws {
        guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw NotHTTP(description: "no end of the head in \(received.count) bytes")
        }
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].lowercased()
            headers[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        self.headers = headers
        let rest = Array(received[end.upperBound...])
        body = headers["transfer-encoding"] == "chunked" ? Self.unchunked(rest) : rest
    }

    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        var rest = bytes[...]
        let lineEnd = Array("\r\n".utf8)
        while let end = rest.firstRange(of: lineEnd) {
            let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) ?? 0
            if size == 0 { break }
            let chunk = rest[end.upperBound...].prefix(size)
            body += chunk
            rest = rest[chunk.endIndex...].dropFirst(2)
        }
        return body
    }
}
