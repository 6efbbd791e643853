internal import CHiredis
internal import EventLoop

/// One hiredis context, from its making to its end. Loop-bound.
///
/// hiredis owns the context and frees it: after a failed connect, after a disconnect, and in
/// `redisAsyncFree`. Whatever the way, it calls `ev.cleanup` first, and that is where the wire
/// forgets the pointer. Callbacks only note what happened; the wire acts on the notes when the call
/// into hiredis has returned (`settle`), so nothing ever calls hiredis from inside hiredis.
///
/// ```
///   connect ──▶ dialling ──▶ connected ──▶ gone
///                   └────────────────────────▲    the context is freed, `lost` is reported
/// ```
@safe final class Wire {
    enum Event {
        case connected
        case greeted(Greeting.Step, RedisValue)
        case lost(RedisLoss)
    }

    private let loop: EventLoop
    private let report: (Event) -> Void
    /// Nil once hiredis has freed the context, or is about to.
    private var context: UnsafeMutablePointer<redisAsyncContext>?
    /// Lives as long as this object, and so longer than the context: see `box`.
    private let watchman: UnsafeMutablePointer<chiredis_guard>
    /// What hiredis holds of us while the context lives. Made by `open`, ended by `settle`.
    private var box: Unmanaged<Wire>?

    private var pending: PendingQueue
    private var watch: EventLoop.Watch?
    private var interest: EventLoop.Interest = []
    /// Set while commands wait to be written at the end of this turn.
    private var flush: EventLoop.Timer?
    /// The one timer for all commands' deadlines, never later than the earliest of them.
    private var deadlineTimer: EventLoop.Timer?
    private var deadlineTimerDue: EventLoop.Instant?

    private var isAppending = false
    private var notes: [Event] = []
    /// Why we are ending the context ourselves, if we are.
    private var ending: RedisLoss?

    init(on loop: EventLoop, firstID: Int, report: @escaping (Event) -> Void) {
        self.loop = loop
        self.report = report
        pending = PendingQueue(firstID: firstID)
        unsafe watchman = .allocate(capacity: 1)
        unsafe watchman.initialize(
            to: chiredis_guard(
                context: nil,
                violation: nil,
                elements_max: RedisLimits.replyElementsMax,
                bytes_max: RedisLimits.replyBytesMax,
                depth_max: RedisLimits.replyDepthMax,
                elements: 0,
                bytes: 0,
                tls_session: nil
            )
        )
    }

    deinit { unsafe watchman.deallocate() }

    var nextID: Int { pending.nextID }
    var inFlight: Int { pending.count }
}

// MARK: - Beginning and end

extension Wire {
    /// How the descriptor is to be used.
    struct Settings {
        let keepAliveSeconds: Int32
        let unacknowledgedMilliseconds: Int32
        /// The name to prove, when TLS is asked for.
        let tlsHost: String?
        let tlsAuthorities: String?
    }

    /// Begins to connect. `connected` or `lost` is reported later, never from inside this call.
    ///
    /// - Parameter address: An IP literal, never a name: hiredis would resolve it, blocking.
    /// The corresponding C functions are `redisAsyncConnect` and `redisAsyncConnectUnix`.
    func open(_ address: Address, _ settings: Settings) throws(WireFailure) {
        let made: UnsafeMutablePointer<redisAsyncContext>? =
            switch address {
            case .ip(let literal, let port): unsafe redisAsyncConnect(literal, Int32(port))
            case .unix(let path): unsafe redisAsyncConnectUnix(path)
            }
        guard let made = unsafe made else { throw WireFailure(.network("out of memory")) }
        guard unsafe made.pointee.err == 0 else {
            let why = unsafe Self.text(made.pointee.errstr)
            unsafe redisAsyncFree(made)
            throw WireFailure(.network(why))
        }
        unsafe chiredis_isolate(made)
        unsafe chiredis_watch(made, watchman)
        do throws(WireFailure) {
            if case .ip = address { try unsafe keepAlive(made, settings) }
            if let host = settings.tlsHost {
                try beginTLS(host, authorities: settings.tlsAuthorities)
            }
            do throws(LoopError) {
                watch = try loop.watch(unsafe made.pointee.c.fd, for: []) { [self] readiness in
                    ready(for: readiness)
                }
            } catch { throw WireFailure(.network("\(error)")) }
        } catch {
            // Nothing of ours is in the context yet: no callback comes.
            unsafe redisAsyncFree(made)
            throw error
        }
        unsafe install(in: made)
    }

    private func keepAlive(
        _ made: UnsafeMutablePointer<redisAsyncContext>,
        _ settings: Settings
    ) throws(WireFailure) {
        let code = unsafe chiredis_keep_alive(
            made,
            settings.keepAliveSeconds,
            settings.unacknowledgedMilliseconds
        )
        guard code == 0 else { throw WireFailure(.network("setsockopt failed: errno \(code)")) }
    }

    private func beginTLS(_ host: String, authorities: String?) throws(WireFailure) {
        var reason = [CChar](repeating: 0, count: 160)
        let size = reason.count
        let code =
            if let authorities {
                unsafe chiredis_tls_begin(watchman, host, authorities, &reason, size)
            } else {
                unsafe chiredis_tls_begin(watchman, host, nil, &reason, size)
            }
        guard code == 0 else { throw WireFailure(.tls(string(from: reason))) }
    }

    private func install(in made: UnsafeMutablePointer<redisAsyncContext>) {
        let box = unsafe Unmanaged.passRetained(self)
        unsafe self.box = box
        unsafe context = made
        unsafe made.pointee.data = box.toOpaque()
        unsafe made.pointee.ev.data = box.toOpaque()
        unsafe made.pointee.ev.addRead = wantsRead
        unsafe made.pointee.ev.delRead = wantsNoRead
        unsafe made.pointee.ev.addWrite = wantsWrite
        unsafe made.pointee.ev.delWrite = wantsNoWrite
        unsafe made.pointee.ev.cleanup = isGoing
        // This asks for the first write event, which tells that the connection stands.
        unsafe redisAsyncSetConnectCallback(made, hasConnected)
    }

    /// Ends the context now. `lost` is reported before this returns, unless it was before.
    /// The corresponding C function is `redisAsyncFree`.
    func close(_ loss: RedisLoss) {
        ending = loss
        unsafe enter { context in unsafe redisAsyncFree(context) }
    }

    /// Every call into hiredis on behalf of the loop or of a caller goes through here.
    private func enter(_ call: (UnsafeMutablePointer<redisAsyncContext>) -> Void) {
        guard let context = unsafe context else { return }
        // The box keeps this object alive until `settle`, however the call ends.
        unsafe call(context)
        settle()
    }

    /// Acts on what callbacks noted, after hiredis has returned.
    private func settle() {
        if unsafe context == nil, let box = unsafe box.take() {
            // SAFETY: pairs with `passRetained` in `install`; hiredis has freed its pointer to it.
            // Whoever called us holds this object too, for the rest of this method.
            unsafe box.release()
        }
        guard !notes.isEmpty else { return }
        let noted = notes
        notes.removeAll(keepingCapacity: true)
        for note in noted { report(note) }
    }

    static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer = unsafe pointer else { return "no reason given" }
        return unsafe String(cString: pointer)
    }
}

/// Where a socket leads: no names, nothing to resolve.
enum Address: Equatable, Sendable {
    case ip(String, port: Int)
    case unix(path: String)
}

/// A connection could not even be begun.
struct WireFailure: Error {
    let loss: RedisLoss
    init(_ loss: RedisLoss) { self.loss = loss }
}

// MARK: - Sending

extension Wire {
    /// Puts a command behind those before it. It is written at the end of this turn of the loop, in
    /// one go with all others of the turn. False: hiredis takes no more commands.
    ///
    /// The corresponding C function is `redisAsyncFormattedCommand`.
    func submit(
        _ command: RedisCommand,
        deadline: EventLoop.Instant,
        _ waiter: PendingQueue.Waiter
    ) -> Bool {
        guard let context = unsafe context else { return false }
        isAppending = true
        defer { isAppending = false }
        let code = unsafe command.withWireBytes { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { bytes in
                // SAFETY: no box: replies come in order, and `pending` knows whose each is.
                unsafe redisAsyncFormattedCommand(
                    context,
                    hasReplied,
                    nil,
                    bytes.baseAddress,
                    bytes.count
                )
            }
        }
        guard code == REDIS_OK else { return false }
        pending.append(PendingQueue.Entry(waiter: waiter, deadline: deadline))
        watchDeadline(deadline)
        return true
    }

    /// Whether a limit of what may wait is reached.
    var isFull: Bool {
        guard let context = unsafe context else { return false }
        return pending.count >= RedisLimits.commandsInFlightMax
            || (unsafe chiredis_unsent_bytes(context)) >= RedisLimits.unsentBytesMax
    }

    func abandon(id: Int) -> PendingQueue.Waiter? { pending.abandon(id: id) }

    /// Writes at the end of this turn: timers are looked at when its jobs have run.
    private func scheduleFlush() {
        guard flush == nil else { return }
        flush = loop.schedule(at: loop.now) { [self] in
            flush = nil
            unsafe enter { context in unsafe redisAsyncHandleWrite(context) }
        }
    }
}

// MARK: - Events of the loop

extension Wire {
    private func ready(for readiness: EventLoop.Readiness) {
        if !readiness.isDisjoint(with: [.write, .broken]) {
            unsafe enter { context in unsafe redisAsyncHandleWrite(context) }
        }
        if !readiness.isDisjoint(with: [.read, .broken]) { read() }
    }

    private func read() {
        unsafe enter { context in unsafe redisAsyncHandleRead(context) }
        // A string is not built, and so not counted by the guard, until all of it is here.
        if unparsedBytes > RedisLimits.replyBytesMax {
            close(.protocolViolation("a reply beyond \(RedisLimits.replyBytesMax) bytes"))
        }
    }

    private func watchDeadline(_ deadline: EventLoop.Instant) {
        if let deadlineTimerDue, deadlineTimerDue <= deadline { return }
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        deadlineTimerDue = deadline
        deadlineTimer = loop.schedule(at: deadline) { [self] in
            deadlineTimer = nil
            deadlineTimerDue = nil
            deadlineReached()
        }
    }

    /// Most often the command whose deadline this was has long been answered.
    private func deadlineReached() {
        let now = loop.now
        for _ in 0..<RedisLimits.lateReadsMax {
            guard let earliest = pending.earliestDeadline else { return }
            guard earliest <= now else { return watchDeadline(earliest) }
            let before = (pending.count, unparsedBytes)
            read()
            if (pending.count, unparsedBytes) == before { break }
        }
        close(.commandTimedOut)
    }

    private var unparsedBytes: Int {
        guard let context = unsafe context else { return 0 }
        return unsafe chiredis_unparsed_bytes(context)
    }

    private func setInterest(_ wanted: EventLoop.Interest) {
        guard wanted != interest, let watch else { return }
        interest = wanted
        loop.change(watch, to: wanted)
    }
}

// MARK: - What hiredis tells us
//
// Each unwraps, notes and leaves. hiredis calls them on the loop's thread, from inside `enter`,
// `submit` or `install`.

extension Wire {
    fileprivate static func from(_ box: UnsafeMutableRawPointer?) -> Wire? {
        // SAFETY: the box is retained from `install` until `settle` finds the context gone, and
        // hiredis calls with it only in between.
        unsafe box.map { unsafe Unmanaged<Wire>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate func addRead() { setInterest(interest.union(.read)) }
    fileprivate func removeRead() { setInterest(interest.subtracting(.read)) }
    fileprivate func removeWrite() { setInterest(interest.subtracting(.write)) }

    fileprivate func addWrite() {
        // A new command waits for the end of the turn; what the socket did not take waits for it.
        if isAppending, !interest.contains(.write) {
            scheduleFlush()
        } else {
            setInterest(interest.union(.write))
        }
    }

    fileprivate func connectEnded(_ status: Int32) {
        // A failure is told by `cleanUp`, which follows.
        if status == REDIS_OK { notes.append(.connected) }
    }

    fileprivate func replyArrived(_ reply: UnsafePointer<redisReply>) {
        guard let entry = pending.popFirst() else { return }
        switch entry.waiter {
        case .caller(let continuation):
            switch unsafe RedisValue(copying: reply) {
            case .error(let error): continuation.resume(returning: .failure(.server(error)))
            case let value: continuation.resume(returning: .success(value))
            }
        case .batch(let batch, let place):
            batch.fill(place, with: unsafe RedisValue(copying: reply))
        case .greeting(let step): notes.append(.greeted(step, unsafe RedisValue(copying: reply)))
        case .nobody: break
        }
    }

    /// The context is about to be freed: the last moment at which it can be asked why.
    fileprivate func cleanUp() {
        guard let dying = unsafe context else { return }
        let loss = unsafe ending ?? Self.loss(of: dying, watchman)
        unsafe context = nil
        if let watch = watch.take() { loop.unwatch(watch) }
        if let flush = flush.take() { loop.cancel(flush) }
        if let deadlineTimer = deadlineTimer.take() { loop.cancel(deadlineTimer) }
        deadlineTimerDue = nil
        failPending(loss)
        notes.append(.lost(loss))
    }

    /// Answers everyone who waits. Only those whose own time was over are told so.
    private func failPending(_ loss: RedisLoss) {
        let now = loop.now
        while let entry = pending.popFirst() {
            let isLate = loss == .commandTimedOut && entry.deadline <= now
            let error = isLate ? RedisError.timedOut : .connectionLost(loss)
            switch entry.waiter {
            case .caller(let continuation): continuation.resume(returning: .failure(error))
            case .batch(let batch, _): batch.end(.failure(error))
            case .greeting, .nobody: break
            }
        }
    }

    private static func loss(
        of context: UnsafePointer<redisAsyncContext>,
        _ watchman: UnsafePointer<chiredis_guard>
    ) -> RedisLoss {
        if let violation = unsafe watchman.pointee.violation {
            return .protocolViolation(unsafe text(violation))
        }
        if let objection = unsafe chiredis_tls_objection(watchman) {
            return .tls("the server's certificate is refused: \(unsafe text(objection))")
        }
        // The buffer, not `errstr` of the asynchronous half: that is filled too late for this.
        let why = unsafe withUnsafePointer(to: context.pointee.c.errstr) { buffer in
            unsafe text(UnsafeRawPointer(buffer).assumingMemoryBound(to: CChar.self))
        }
        switch unsafe context.pointee.c.err {
        case REDIS_ERR_EOF: return .closedByServer
        case REDIS_ERR_PROTOCOL, REDIS_ERR_OOM: return .protocolViolation(why)
        case REDIS_ERR_OTHER: return .refused(RedisServerError(line: why))
        default: return .network(why)
        }
    }
}

@c private func wantsRead(_ box: UnsafeMutableRawPointer?) { unsafe Wire.from(box)?.addRead() }
@c private func wantsNoRead(_ box: UnsafeMutableRawPointer?) { unsafe Wire.from(box)?.removeRead() }
@c private func wantsWrite(_ box: UnsafeMutableRawPointer?) { unsafe Wire.from(box)?.addWrite() }
@c private func wantsNoWrite(_ box: UnsafeMutableRawPointer?) {
    unsafe Wire.from(box)?.removeWrite()
}
@c private func isGoing(_ box: UnsafeMutableRawPointer?) { unsafe Wire.from(box)?.cleanUp() }

@c private func hasConnected(_ context: UnsafePointer<redisAsyncContext>?, _ status: Int32) {
    unsafe Wire.from(context?.pointee.data)?.connectEnded(status)
}

/// hiredis frees `reply` on return. No reply means that the connection is ending: `cleanUp` answers
/// those who wait.
@c private func hasReplied(
    _ context: UnsafeMutablePointer<redisAsyncContext>?,
    _ reply: UnsafeMutableRawPointer?,
    _ box: UnsafeMutableRawPointer?
) {
    guard let reply = unsafe reply?.assumingMemoryBound(to: redisReply.self) else { return }
    unsafe Wire.from(context?.pointee.data)?.replyArrived(reply)
}

/// The text in a buffer that a C function has filled, up to its zero.
private func string(from buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
