package import Foundation
import Glibc

/// The simplest HTTP/1.1 client there is, for a test's own questions: one connection a request.
package enum PlainHTTP {
    package struct Answer: Sendable {
        package let status: Int
        package let body: Data
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// - Returns: Nil when nobody answers.
    package static func get(_ path: String, port: Int) -> Answer? { ask("GET", path, "", port) }

    package static func post(_ path: String, _ body: String, port: Int) -> Answer? {
        ask("POST", path, body, port)
    }

    package static func delete(_ path: String, port: Int) -> Answer? {
        ask("DELETE", path, "", port)
    }

    private static func ask(_ verb: String, _ path: String, _ body: String, _ port: Int) -> Answer?
    {
        guard let peer = try? BlockingSocket(port: port) else { return nil }
        defer { peer.close() }
        let request = """
            \(verb) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
            Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
            """
        guard peer.write(Array(request.utf8)) else { return nil }
        var answer = Data()
        while true {
            let more = peer.read(upTo: 65_536)
            if more.isEmpty { break }
            answer.append(contentsOf: more)
        }
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        let rest = answer[end.upperBound...]
        let isChunked = head.lowercased().contains("transfer-encoding: chunked")
        return status.map { Answer(status: $0, body: isChunked ? joined(rest) : Data(rest)) }
    }

    /// Takes the sizes of chunks away (RFC 9112, 7.1).
    private static func joined(_ chunks: Data) -> Data {
        var (rest, whole) = (chunks, Data())
        while let line = rest.range(of: Data("\r\n".utf8)) {
            let size =
                Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) ?? 0
            guard size > 0, rest.distance(from: line.upperBound, to: rest.endIndex) >= size + 2
            else {
                return whole
            }
            let end = rest.index(line.upperBound, offsetBy: size)
            whole.append(rest[line.upperBound..<end])
            rest = rest[rest.index(end, offsetBy: 2)...]
        }
        return whole
    }
}

extension BlockingSocket {
    package init(port: Int) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw ChildProcess.Failure("socket: errno \(errno)") }
        var address = loopbackAddress(port: port)
        let code = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(fd, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let why = errno
            Glibc.close(fd)
            throw ChildProcess.Failure("connect: errno \(why)")
        }
        self.init(fd: fd)
    }
}
