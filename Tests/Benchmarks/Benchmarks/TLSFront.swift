import Foundation
import Glibc
import TestSupport

/// A private nginx before the simulator: TLS and HTTP/2 to whoever calls, kept HTTP/1.1 behind.
struct TLSFront: Sendable {
    let baseURL: String
    /// The authority that signed its certificate.
    let caFile: String

    static func run<Value>(
        before simulatorPort: Int,
        on stand: Stand,
        _ body: (TLSFront) async throws -> Value
    ) async throws -> Value {
        let folder = stand.folder.path("nginx")
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        try await makeCertificate(in: folder)
        let port = try freePort()
        try configuration(port, simulatorPort).write(
            toFile: "\(folder)/nginx.conf",
            atomically: true,
            encoding: .utf8
        )
        let nginx = try ChildProcess(
            ["/usr/sbin/nginx", "-p", folder, "-e", "error.log", "-c", "nginx.conf"],
            log: URL(filePath: "\(folder)/output.log")
        )
        stand.adopt(nginx)
        try await stand.eventually("nginx runs; see \(folder)/error.log") {
            isListening(port) ? () : nil
        }
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(
                try await body(
                    TLSFront(
                        baseURL: "https://127.0.0.1:\(port)/v1",
                        caFile: "\(folder)/server.pem"
                    )
                )
            )
        } catch {
            outcome = .failure(error)
        }
        try await stand.end(nginx, within: .zero)
        return try outcome.get()
    }

    private static func isListening(_ port: Int) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(fd, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func configuration(_ port: Int, _ simulatorPort: Int) -> String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \($0);" }.joined(separator: " ")
        return """
            daemon off; master_process off; pid nginx.pid; error_log error.log;
            events { worker_connections 4096; }
            http {
                access_log off; \(temporary)
                keepalive_timeout 600s; keepalive_requests 1000000;
                client_body_buffer_size 64k; proxy_buffer_size 8k; proxy_buffers 8 8k;
                upstream simulator {
                    server 127.0.0.1:\(simulatorPort);
                    keepalive 256; keepalive_requests 1000000;
                }
                server {
                    listen 127.0.0.1:\(port) backlog=1024 ssl http2;
                    ssl_certificate server.pem; ssl_certificate_key server.key;
                    ssl_protocols TLSv1.2 TLSv1.3;
                    location / {
                        proxy_pass http://simulator;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                    }
                }
            }
            """
    }

    /// Signed by itself, and so its own authority.
    private static func makeCertificate(in folder: String) async throws {
        let arguments = """
            req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
            -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 \
            -keyout \(folder)/server.key -out \(folder)/server.pem
            """
        let log = URL(filePath: "\(folder)/openssl.log")
        let status = try await offLoop {
            try ChildProcess(
                ["openssl"] + arguments.split(separator: " ").map(String.init),
                log: log
            ).reap()
        }
        guard status == 0 else {
            throw Stand.Failure("openssl: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
        }
    }
}
