internal import CCurl
internal import EventLoop

/// One multi handle: some of the transfers, and the connections that they keep.
///
/// curl looks for a kept connection by walking all those to the same host, busy ones included, so
/// one multi of 5,000 transfers pays for 5,000 at each request. Many small ones do not.
///
/// The corresponding C type is `CURLM *`; freed by `curl_multi_cleanup`, which closes the kept
/// connections, after every transfer is out.
@safe final class Shard {
    let index: Int
    /// Transfers inside.
    private(set) var active = 0
    /// When the last transfer left; what is unused for long gives its connections back.
    private(set) var lastUsed: EventLoop.Instant
    /// Streamed transfers whose readers have something new, noted by the callbacks.
    var awake: [Transfer] = []
    /// The loop could not watch a socket: curl then refuses this multi for good.
    private(set) var isBroken = false

    private let multi: UnsafeMutableRawPointer
    private let loop: EventLoop
    private let house: House
    private unowned let client: HTTPClient

    /// When curl wants to be called; nil for never.
    private var due: EventLoop.Instant?
    /// curl wants to be called now, as soon as it has returned.
    private var isDueNow = false
    /// The loop's timer. It may be set for earlier than `due`: most moves are to later, and a
    /// timer that is early sets itself again, once, instead of being moved at every request.
    private var armed: (timer: EventLoop.Timer, deadline: EventLoop.Instant)?

    init(index: Int, client: HTTPClient, loop: EventLoop, house: House) throws(HTTPError) {
        guard let multi = unsafe curl_multi_init() else {
            throw HTTPError(
                reason: .library(CURLE_OUT_OF_MEMORY.text),
                requestMayHaveBeenSent: false
            )
        }
        unsafe self.multi = multi
        self.index = index
        self.client = client
        self.loop = loop
        self.house = house
        lastUsed = loop.now
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        let codes = unsafe [
            ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me),
            ccurl_multi_set_socket(multi, shardSocketChanged),
            ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me),
            ccurl_multi_set_timer(multi, shardTimerChanged),
            // As many as can be busy at once, so that none is closed for want of room.
            ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, house.options.transfersPerShard),
            ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX)),
        ]
        guard codes.allSatisfy({ $0 == CURLM_OK }) else {
            throw HTTPError(
                reason: .library("it lacks an option of the multi socket interface"),
                requestMayHaveBeenSent: false
            )
        }
    }

    /// Every transfer is out by now: the client takes them out before it drops the shard.
    deinit {
        // What curl does from here on it tells the socket table alone: nobody calls a dying object.
        _ = unsafe ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETFUNCTION, nil)
        _ = unsafe ccurl_multi_set_pointer(multi, CURLMOPT_TIMERFUNCTION, nil)
        _ = unsafe curl_multi_cleanup(multi)
        if let armed { loop.cancel(armed.timer) }
    }
}

// MARK: - Into curl. Never from inside a callback

extension Shard {
    /// The corresponding C function is `curl_multi_add_handle`.
    func add(_ transfer: Transfer) throws(HTTPError) {
        let code = unsafe curl_multi_add_handle(multi, transfer.easy.pointer)
        guard code == CURLM_OK else {
            throw HTTPError(reason: .library(code.text), requestMayHaveBeenSent: false)
        }
        transfer.shard = self
        active += 1
    }

    /// Takes a transfer out, finished or not. An unfinished one is broken off: its HTTP/1
    /// connection is closed, its HTTP/2 stream reset.
    func remove(_ transfer: Transfer) {
        _ = unsafe curl_multi_remove_handle(multi, transfer.easy.pointer)
        transfer.shard = nil
        active -= 1
        lastUsed = loop.now
    }

    /// The corresponding C function is `curl_multi_socket_action`.
    func socketReady(_ fd: Int32, _ readiness: EventLoop.Readiness) {
        let bits = house.sockets.bits(of: readiness, at: fd)
        guard bits != 0 else { return }
        var running: Int32 = 0
        _ = unsafe curl_multi_socket_action(multi, fd, bits, &running)
    }

    /// Lets curl do what it wants to do at once. Bounded: what is left waits for the next turn.
    func runWhatIsDue() {
        var rounds = HTTPClient.Limits.roundsPerTurnMax
        while isDueNow, rounds > 0 {
            isDueNow = false
            rounds -= 1
            runTimeout()
        }
        if isDueNow {
            isDueNow = false
            due = loop.now
        }
    }

    private func runTimeout() {
        // curl says anew what it wants, even when that is what it wanted before.
        due = nil
        var running: Int32 = 0
        _ = unsafe curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    /// The next transfer that curl is done with, and how it went.
    func nextFinished() -> (Transfer, CURLcode)? {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE,
                let easy = unsafe message.pointee.easy_handle
            else { continue }
            let code = unsafe message.pointee.data.result
            var box: UnsafeMutableRawPointer?
            guard unsafe ccurl_get_private(easy, &box) == CURLE_OK, let box = unsafe box
            else { continue }
            // SAFETY: set in `Transfer.setConstants`; the client holds every transfer in a multi.
            return (unsafe Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue(), code)
        }
        return nil
    }

    /// Sets the loop's timer by what curl has said last.
    func armTimer() {
        guard let due else { return }
        if let armed {
            guard due < armed.deadline else { return }
            loop.cancel(armed.timer)
        }
        let timer = loop.schedule(at: due) { [unowned client, index] in
            client.shardTimerFired(index)
        }
        armed = (timer, due)
    }

    /// The loop's timer has fired; it may have been early.
    func timerFired() {
        armed = nil
        guard let due, due <= loop.now else { return }
        runTimeout()
    }
}

// MARK: - From curl, inside its functions

extension Shard {
    func timerChanged(_ milliseconds: Int) {
        switch milliseconds {
        case ..<0:
            due = nil
            isDueNow = false
        case 0: isDueNow = true
        default: due = loop.now + .milliseconds(milliseconds)
        }
    }

    func socketChanged(_ fd: Int32, _ what: Int32) -> Bool {
        let interest: EventLoop.Interest =
            switch what {
            case CURL_POLL_IN: .read
            case CURL_POLL_OUT: .write
            case CURL_POLL_INOUT: [.read, .write]
            default: []
            }
        let isWatched = house.sockets.want(interest, of: fd, readinessHandler(fd))
        if !isWatched { isBroken = true }
        return isWatched
    }

    private func readinessHandler(_ fd: Int32) -> (EventLoop.Readiness) -> Void {
        { [unowned client, index] readiness in client.socketReady(fd, readiness, shard: index) }
    }
}

extension CURLMcode {
    /// The corresponding C function is `curl_multi_strerror`; its texts are constants.
    var text: String { unsafe String(cString: curl_multi_strerror(self)) }
}
