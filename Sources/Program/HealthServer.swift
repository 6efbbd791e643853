package import EventLoop
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization
package import Telemetry

/// `/health`, `/health/live`, `/health/ready` and whatever the program answers besides, on threads of
/// their own: they answer also when the loop does not, which is just what they are asked about.
package struct HealthServer: Service {
    private let loop: EventLoop::EventLoop
    private let address: Address
    private let health: @Sendable (_ loopAnswered: Bool) -> Health
    private let others: Others
    private let log: Logger

    /// Answers all other paths.
    package typealias Others = @Sendable (Exchange) async -> Reply

    /// Where it is served.
    package struct Address: Sendable {
        /// `HEALTH_HOST`.
        package let host: String
        /// `HEALTH_PORT`; 0 takes a free one.
        package let port: Int
        /// `HEALTH_PORT_FILE`.
        package let portFile: String?
        /// Nil for plain HTTP.
        package let tls: TLS?

        package init(host: String, port: Int, portFile: String?, tls: TLS? = nil) {
            self.host = host
            self.port = port
            self.portFile = portFile
            self.tls = tls
        }

        package struct TLS: Sendable {
            /// PEM files: the certificate with its chain, and its key.
            package let certificate: String
            package let key: String

            package init(certificate: String, key: String) {
                self.certificate = certificate
                self.key = key
            }
        }

        /// Whether only this machine can reach it.
        package var isLoopback: Bool {
            host == "localhost" || host == "::1" || host.hasPrefix("127.")
        }
    }

    /// - Parameters:
    ///   - health: Called on the server's threads.
    ///   - others: The same.
    package init(
        of loop: EventLoop::EventLoop,
        at address: Address,
        health: @escaping @Sendable (_ loopAnswered: Bool) -> Health,
        others: @escaping Others,
        log: Logger
    ) {
        self.loop = loop
        self.address = address
        self.health = health
        self.others = others
        self.log = log
    }

    /// With `/metrics` and nothing else besides.
    ///
    /// - Parameter metricsPage: Called on the server's threads with the request's `Accept` header.
    package init(
        of loop: EventLoop::EventLoop,
        at address: Address,
        health: @escaping @Sendable (_ loopAnswered: Bool) -> Health,
        metricsPage: @escaping @Sendable (_ accept: String?) -> Page,
        log: Logger
    ) {
        self.init(
            of: loop,
            at: address,
            health: health,
            others: { exchange in
                guard exchange.path == "/metrics" else {
                    return Reply(404, "text/plain; charset=utf-8", Array("not found\n".utf8))
                }
                return Reply(metricsPage(exchange.headers["accept"]))
            },
            log: log
        )
    }

    private enum Limits {
        /// A loop that does not run a call for so long is stuck: its turns take milliseconds.
        static let loopAnswer = Duration.seconds(2)
    }

    package func run() async throws {
        let app = Application(
            responder: CallbackResponder<PeerContext> { request, context in
                await response(to: request, context)
            },
            server: try builder(),
            configuration: .init(
                address: .hostname(address.host, port: address.port),
                serverName: nil
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? address.port
                log.info("health and metrics are served", metadata: ["port": "\(port)"])
                if let portFile = address.portFile { writePort(port, to: portFile) }
            },
            // Hummingbird tells every start and stop at `info`, which we do ourselves.
            logger: log.from(.warning)
        )
        // Not on the loop, whose executor everything else here prefers.
        do {
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try await app.run() }
        } catch let error where !(error is CancellationError) {
            throw StartFailure.service(
                "HEALTH_HOST, HEALTH_PORT: \(address.host):\(address.port) cannot be served: \(error)"
            )
        }
    }

    private func builder() throws(StartFailure) -> HTTPServerBuilder {
        guard let tls = address.tls else { return .http1() }
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(tls.certificate)
                    .map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem))
            )
            configuration.minimumTLSVersion = .tlsv12
            return try .tls(.http1(), tlsConfiguration: configuration)
        } catch {
            throw .service("\(tls.certificate), \(tls.key): cannot be used for TLS: \(error)")
        }
    }

    private func response(to request: Request, _ context: PeerContext) async -> Response {
        let path = request.uri.path
        if let endpoint = Health.Endpoint(rawValue: path) {
            guard request.method == .get || request.method == .head else {
                return Self.response(Reply(405, "text/plain; charset=utf-8", []))
            }
            return Self.response(Reply(health(await loopAnswers()).page(for: endpoint)))
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Exchange.Limits.bodyBytesMax)
        } catch {
            return Self.response(
                Reply(413, "text/plain; charset=utf-8", Array("too much was sent\n".utf8))
            )
        }
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters { query[String(name)] = String(value) }
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        return Self.response(
            await others(
                Exchange(
                    method: request.method.rawValue,
                    path: path,
                    query: query,
                    headers: headers,
                    address: context.address,
                    body: Array(body.readableBytesView)
                )
            )
        )
    }

    private static func response(_ reply: Reply) -> Response {
        var headers = HTTPFields()
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        for (name, value) in reply.headers {
            guard let name = HTTPField.Name(name) else { continue }
            headers[name] = value
        }
        let body =
            switch reply.body {
            case .bytes(let bytes): ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            case .stream(let next):
                ResponseBody { writer in
                    while let bytes = await next() {
                        try await writer.write(ByteBuffer(bytes: bytes))
                    }
                    try await writer.finish(nil)
                }
            }
        return Response(status: .init(code: reply.status), headers: headers, body: body)
    }

    /// Whether the loop runs a call through its queue in time.
    private func loopAnswers() async -> Bool {
        let answer = Latch()
        loop.execute { answer.settle(true) }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await Task.sleep(for: Limits.loopAnswer) } catch {}
                answer.settle(false)
            }
            let answered = await answer.value()
            group.cancelAll()
            return answered
        }
    }

    private func writePort(_ port: Int, to path: String) {
        if !PortFile.write(port, to: path) {
            log.error("HEALTH_PORT_FILE cannot be written", metadata: ["path": "\(path)"])
        }
    }
}

/// A request's context, which knows who asks.
private struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let address: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        address = source.channel.remoteAddress?.ipAddress
    }
}

/// A value that is settled once, by whoever is first.
private final class Latch: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Bool, Never>)
        case settled(Bool)
    }
    private let state = Mutex(State.open)

    func settle(_ value: Bool) {
        let waiter: CheckedContinuation<Bool, Never>? = state.withLock { state in
            switch state {
            case .open:
                state = .settled(value)
                return nil
            case .awaited(let continuation):
                state = .settled(value)
                return continuation
            case .settled: return nil
            }
        }
        waiter?.resume(returning: value)
    }

    func value() async -> Bool {
        await withCheckedContinuation { continuation in
            let settled: Bool? = state.withLock { state in
                if case .settled(let value) = state { return value }
                state = .awaited(continuation)
                return nil
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}
