internal import Glibc
internal import Hummingbird
internal import NIOCore

/// The client's connection, as a request sees it: it can be waited on, and broken.
struct Connection: InitializableFromSource {
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }

    /// The client is gone, or is to be: nothing more can be written.
    struct Gone: Error {}

    /// Waits without a thread, on the connection's own event loop.
    ///
    /// - Parameter deadline: Nil waits for the client to give up.
    /// - Throws: `Gone` as soon as the client closes, long before a write would notice.
    func wait(until deadline: NIODeadline?) async throws {
        if let deadline, deadline <= .now() { return }
        let isHere = try await channel.eventLoop.flatSubmit { [channel] in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.handler(type: ConnectionWatch.self)
                    .wait(until: deadline, on: channel.eventLoop)
            }.flatMap { $0 }
        }.get()
        if !isHere { throw Gone() }
    }

    /// Ends the connection with RST: what a crashed server, or a proxy that has had enough, does.
    func reset() async {
        if let socket = channel as? any SocketOptionProvider {
            try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await channel.close()
    }
}

/// Tells the request on a connection when its client goes away.
///
/// A request that waits reads nothing, and a server notices a closed connection only when it reads
/// or writes; so this stands in the pipeline and looks. Everything in it runs on the event loop.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private var isGone = false
    /// At most one: HTTP/1.1 answers one request at a time.
    private var waiter: (promise: EventLoopPromise<Bool>, timer: Scheduled<Void>?)?

    /// True when the deadline came, false when the client went.
    func wait(until deadline: NIODeadline?, on loop: any EventLoop) -> EventLoopFuture<Bool> {
        if isGone { return loop.makeSucceededFuture(false) }
        let promise = loop.makePromise(of: Bool.self)
        let timer = deadline.map { deadline in
            loop.assumeIsolated().scheduleTask(deadline: deadline) { self.settle(true) }
        }
        waiter = (promise, timer)
        return promise.futureResult
    }

    private func settle(_ isHere: Bool) {
        guard let (promise, timer) = waiter else { return }
        waiter = nil
        timer?.cancel()
        promise.succeed(isHere)
    }

    private func leave() {
        isGone = true
        settle(false)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: leave()
        case is ChannelShouldQuiesceEvent:
            // The simulator is stopping: a model's latency is no reason to keep it.
            leave()
            context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }
}
