package import EventLoop
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
package import Telemetry

/// `/health`, `/health/live`, `/health/ready` and `/metrics`, on threads of their own: they answer
/// also when the loop does not, which is just what they are asked about.
package struct HealthServer: Service {
    private let loop: EventLoop::EventLoop
    private let address: Address
    private let health: @Sendable (_ loopAnswered: Bool) -> Health
    private let metricsPage: @Sendable (_ accept: String?) -> Page
    private let log: Logger

    /// Where it is served.
    package struct Address: Sendable {
        /// `HEALTH_HOST`.
        package let host: String
        /// `HEALTH_PORT`; 0 takes a free one.
        package let port: Int
        /// `HEALTH_PORT_FILE`.
        package let portFile: String?

        package init(host: String, port: Int, portFile: String?) {
            self.host = host
            self.port = port
            self.portFile = portFile
        }
    }

    /// - Parameters:
    ///   - health: Called on the server's threads.
    ///   - metricsPage: The same; given the request's `Accept` header.
    package init(
        of loop: EventLoop::EventLoop,
        at address: Address,
        health: @escaping @Sendable (_ loopAnswered: Bool) -> Health,
        metricsPage: @escaping @Sendable (_ accept: String?) -> Page,
        log: Logger
    ) {
        self.loop = loop
        self.address = address
        self.health = health
        self.metricsPage = metricsPage
        self.log = log
    }

    private enum Limits {
        /// A loop that does not run a call for so long is stuck: its turns take milliseconds.
        static let loopAnswer = Duration.seconds(2)
    }

    package func run() async throws {
        let router = Router()
        for endpoint in Health.Endpoint.allCases {
            router.get(RouterPath(endpoint.rawValue)) { _, _ in
                response(health(await loopAnswers()).page(for: endpoint))
            }
        }
        router.get("/metrics") { request, _ in
            response(metricsPage(request.headers[.accept]))
        }
        let app = Application(
            router: router,
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

    private func response(_ page: Page) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = page.contentType
        headers[.cacheControl] = "no-store"
        return Response(
            status: .init(code: page.status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: page.body))
        )
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
