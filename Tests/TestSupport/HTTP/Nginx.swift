package import Foundation
import Glibc

/// A private nginx with TLS and HTTP/2, and certificates of each kind that a client must judge.
///
/// Everything it needs is in a folder of its own. It answers `/` with the number of the connection
/// and the protocol, `/sleep` after 50 ms, and `/echo` with the request's body.
package final class Nginx: Sendable {
    /// A server of this nginx, by what its certificate is.
    package enum Server: Int, CaseIterable, Sendable {
        case plain
        /// HTTP/2 and HTTP/1.1, and a certificate for 127.0.0.1 by our authority.
        case good
        /// The same, with HTTP/1.1 alone.
        case http1
        case wrongHost
        case selfSigned
        case expired
        /// Good, but speaks nothing newer than TLS 1.1.
        case oldTLS
    }

    package let folder: URL
    /// The authority that signed all but the self-signed one.
    package var caFile: String { folder.appending(path: "ca.pem").path }
    private let ports: [UInt16]
    private let process: ChildProcess

    package init() throws {
        folder = FileManager.default.temporaryDirectory
            .appending(path: "nginx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.makeCertificates(in: folder)
        ports = try Self.freePorts(Server.allCases.count)
        let configuration = folder.appending(path: "nginx.conf")
        try Self.configuration(folder, ports).write(
            to: configuration,
            atomically: true,
            encoding: .utf8
        )
        process = try ChildProcess(
            ["/usr/sbin/nginx", "-p", folder.path, "-e", "error.log", "-c", configuration.path],
            log: folder.appending(path: "output.log")
        )
        do {
            for port in ports { try Self.waitUntilListening(port, folder) }
        } catch {
            stop()
            throw error
        }
    }

    package func url(_ server: Server, _ path: String = "/") -> String {
        "\(server == .plain ? "http" : "https")://127.0.0.1:\(ports[server.rawValue])\(path)"
    }

    package func stop() {
        process.killAndReap()
        try? FileManager.default.removeItem(at: folder)
    }
}

extension Nginx {
    /// After these a connection is closed by us, HTTP/2 by `GOAWAY`.
    package static let requestsPerConnection = 50

    private static func configuration(_ folder: URL, _ ports: [UInt16]) -> String {
        let servers = Server.allCases.map { server in
            let port = ports[server.rawValue]
            let tls = """
                ssl_certificate \(server).pem; ssl_certificate_key \(server).key;
                ssl_protocols \(server == .oldTLS ? "TLSv1.1" : "TLSv1.2 TLSv1.3");
                """
            let protocols =
                switch server {
                case .plain: ""
                case .http1: "ssl"
                default: "ssl http2"
                }
            return """
                server {
                    listen 127.0.0.1:\(port) backlog=1024 \(protocols);
                    \(server == .plain ? "" : tls)
                    location / { return 200 "$connection $server_protocol"; }
                    location /sleep { echo_sleep 0.05; echo -n "slept"; }
                    location /echo { echo_read_request_body; echo_request_body; }
                }
                """
        }
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \($0);" }.joined(separator: " ")
        return """
            load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
            daemon off; master_process off; pid nginx.pid; error_log error.log;
            events { worker_connections 4096; }
            http {
                access_log off; \(temporary)
                keepalive_timeout 600s; keepalive_requests \(requestsPerConnection);
                \(servers.joined(separator: "\n"))
            }
            """
    }

    private static func makeCertificates(in folder: URL) throws {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        try openssl(
            "req -x509 \(key) -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
            in: folder
        )
        try openssl(
            """
            req -x509 \(key) -days 2 -subj /CN=self -addext subjectAltName=IP:127.0.0.1 \
            -keyout selfSigned.key -out selfSigned.pem
            """,
            in: folder
        )
        let signed: [(server: Server, name: String, days: Int)] = [
            (.good, "IP:127.0.0.1", 2), (.http1, "IP:127.0.0.1", 2),
            (.wrongHost, "DNS:elsewhere.invalid", 2),
            (.expired, "IP:127.0.0.1", -1), (.oldTLS, "IP:127.0.0.1", 2),
        ]
        for (server, name, days) in signed {
            try "subjectAltName=\(name)".write(
                to: folder.appending(path: "extensions"),
                atomically: true,
                encoding: .utf8
            )
            try openssl(
                "req \(key) -subj /CN=\(server) -keyout \(server).key -out request",
                in: folder
            )
            try openssl(
                """
                x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days \(days) \
                -extfile extensions -out \(server).pem
                """,
                in: folder
            )
        }
    }

    private static func openssl(_ arguments: String, in folder: URL) throws {
        let command = "cd \(folder.path) && exec openssl \(arguments)"
        let log = folder.appending(path: "openssl.log")
        let status = try ChildProcess(["/bin/sh", "-c", command], log: log).reap()
        guard status == 0 else {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            throw ChildProcess.Failure("openssl \(arguments): \(text)")
        }
    }

    /// Ports that are free now, found by holding all of them at once.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        var peers: [ScriptedPeer] = []
        for _ in 0..<count { peers.append(try ScriptedPeer(accepts: false)) }
        defer { for peer in peers { peer.stopListening() } }
        return peers.map(\.port)
    }

    private static func waitUntilListening(_ port: UInt16, _ folder: URL) throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while !ScriptedPeer.isListening(port) {
            guard .now < deadline else {
                let log = try? String(
                    contentsOf: folder.appending(path: "error.log"),
                    encoding: .utf8
                )
                throw ChildProcess.Failure("nginx does not listen: \(log ?? "no log")")
            }
            usleep(2_000)
        }
    }
}
