// HTTPClient: requests over libcurl's multi socket interface, on an event loop.
// Belongs here: connections, TLS, limits of time and size, cancellation, what curl must be told.
// Does not: retries, what a status or a body means, and whose key is sent to whom.

internal import CCurl
package import EventLoop

/// Sends requests from one loop, keeping connections, HTTP/2 where TLS offers it.
///
/// Certificates are always verified, chain and host, TLS 1.2 at least. No redirect is followed, no
/// proxy used (the environment's included), no cookie kept, no compression asked for.
///
/// Who makes one calls `shutdown()` before the loop ends.
package actor HTTPClient {
    package enum Limits {
        /// Bytes that curl reads at a time. Answers here are 1 to 4 KiB; 5,000 buffers are 20 MiB.
        package static let receiveBufferBytes = 4 * 1024
        /// Bytes that curl copies at a time to send under TLS: its least, and enough.
        package static let sendBufferBytes = 16 * 1024
        /// The lines of one head together. Servers commonly send less than 8 KiB.
        package static let headBytesMax = 64 * 1024
        /// How far a Content-Length is believed before the bytes are there.
        package static let believedBytesMax = 256 * 1024
        /// Finished transfers kept for use. A handle with its buffers is about 20 KiB: 5 MiB.
        package static let idleTransfersMax = 256
        /// Times that curl is called again at its own wish before others have their turn.
        package static let roundsPerTurnMax = 4
    }

    nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    let house: House
    private var isShutDown = false
    private var inFlight = 0
    private var lastSerial: UInt64 = 0

    /// By slot. A slot is free, or holds a transfer that is in use or in `idle`.
    private var transfers: [Transfer?] = []
    private var freeSlots: [Int] = []
    private var idle: [Transfer] = []

    /// By index; nil where one was given back. Filled from the front, so that few connections are
    /// kept busy rather than many kept idle.
    private var shards: [Shard?] = []
    /// No shard before this one has room.
    private var firstWithRoom = 0
    private var sweep: EventLoop.Timer?

    /// - Throws: `.library` when this libcurl cannot do what is relied on.
    package init(
        on loop: EventLoop,
        options: HTTPClientOptions = HTTPClientOptions()
    ) throws(HTTPError) {
        try House.checkLibrary()
        self.loop = loop
        house = try House(options: options, loop: loop)
    }
}

/// What is the same for all requests of a client.
package struct HTTPClientOptions: Sendable {
    /// PEM file of the authorities to trust *instead of* the system's.
    package var caFile: String?
    package var userAgent: String
    /// Without it each request has a connection of its own: more of them, but a server that retires
    /// one, or a reader that is slow, concerns one request only.
    package var offersHTTP2: Bool
    /// Requests under way at once; one more is `.tooManyInFlight`. Each may need a descriptor.
    package var inFlightMax: Int
    /// Transfers that share one multi handle. See `Shard`.
    package var transfersPerShard: Int
    /// How long a connection is kept unused. Shorter than servers keep theirs, since a request
    /// that meets the server's close fails.
    package var idleConnectionLife: Duration
    /// How long a connection is used at all, so that a changed DNS answer is noticed.
    package var connectionLife: Duration
    /// Bytes kept for the reader of a streamed body before the connection is no longer read.
    package var streamBufferBytesMax: Int

    package init(
        caFile: String? = nil,
        userAgent: String = "gpt4-strategy",
        offersHTTP2: Bool = true,
        inFlightMax: Int = 10_000,
        transfersPerShard: Int = 64,
        idleConnectionLife: Duration = .seconds(55),
        connectionLife: Duration = .seconds(3_600),
        streamBufferBytesMax: Int = 64 * 1024
    ) {
        self.caFile = caFile
        self.userAgent = userAgent
        self.offersHTTP2 = offersHTTP2
        self.inFlightMax = inFlightMax
        self.transfersPerShard = transfersPerShard
        self.idleConnectionLife = idleConnectionLife
        self.connectionLife = connectionLife
        self.streamBufferBytesMax = streamBufferBytesMax
    }
}

// MARK: - What a caller sees

extension HTTPClient {
    /// Sends a request and waits for the whole answer.
    ///
    /// Cancelling the task breaks the transfer off at once: HTTP/1 by closing its connection,
    /// HTTP/2 by resetting its stream.
    ///
    /// - Parameter request: Handed over: curl has its own copy of the body before anything is waited
    ///   for.
    package func send(
        _ request: consuming HTTPRequest
    ) async throws(HTTPError) -> HTTPResponse {
        let transfer = try acquire(request)
        _ = consume request
        let id = transfer.id
        let outcome: Result<HTTPResponse, HTTPError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.delivery = .whole(continuation)
                start(transfer)
            }
        } onCancel: {
            cancelSoon(id)
        }
        return try outcome.get()
    }

    /// Ends what runs with `.shutDown`, closes every connection and leaves the loop without a
    /// watcher or timer of ours. Later requests are refused.
    package func shutdown() async {
        isShutDown = true
        let error = HTTPError.Reason.shutDown
        for case let transfer? in transfers where transfer.shard != nil {
            finish(transfer, failing: error)
        }
        idle.removeAll()
        shards.removeAll()
        firstWithRoom = 0
        if let sweep = sweep.take() { loop.cancel(sweep) }
    }

    /// Requests under way, for a gauge.
    package var requestsInFlight: Int { inFlight }
}

// MARK: - The way of a transfer: acquire, start, settle, finish, release

extension HTTPClient {
    func acquire(_ request: HTTPRequest) throws(HTTPError) -> Transfer {
        guard !isShutDown else {
            throw HTTPError(reason: .shutDown, requestMayHaveBeenSent: false)
        }
        guard inFlight < house.options.inFlightMax else {
            throw HTTPError(reason: .tooManyInFlight, requestMayHaveBeenSent: false)
        }
        let transfer = if let used = idle.popLast() { used } else { try makeTransfer() }
        inFlight += 1
        lastSerial += 1
        do throws(HTTPError) {
            try transfer.prepare(request, serial: lastSerial)
        } catch {
            release(transfer)
            throw error
        }
        return transfer
    }

    private func makeTransfer() throws(HTTPError) -> Transfer {
        let slot = freeSlots.popLast() ?? transfers.count
        do throws(HTTPError) {
            let transfer = try Transfer(slot: slot, loop: loop, house: house)
            if slot == transfers.count {
                transfers.append(transfer)
            } else {
                transfers[slot] = transfer
            }
            return transfer
        } catch {
            if slot < transfers.count { freeSlots.append(slot) }
            throw error
        }
    }

    /// Puts a transfer that knows its receiver on its way. It may have failed when this returns.
    func start(_ transfer: Transfer) {
        // A task cancelled before now has told so already, when there was nothing to break off.
        guard !Task.isCancelled else { return finish(transfer, failing: .cancelled) }
        guard let limit = transfer.limit, limit.at > loop.now else {
            return finish(transfer, failing: .timedOut(transfer.limit?.phase ?? .total))
        }
        do throws(HTTPError) {
            let shard = try shardWithRoom()
            try shard.add(transfer)
            watchTheClock(transfer)
            settle(shard)
        } catch {
            finish(transfer, with: error)
        }
    }

    private func shardWithRoom() throws(HTTPError) -> Shard {
        while firstWithRoom < shards.count {
            if let shard = shards[firstWithRoom] {
                if shard.active < house.options.transfersPerShard, !shard.isBroken { return shard }
                firstWithRoom += 1
            } else {
                let shard = try Shard(
                    index: firstWithRoom,
                    client: self,
                    loop: loop,
                    house: house
                )
                shards[firstWithRoom] = shard
                return shard
            }
        }
        let shard = try Shard(index: shards.count, client: self, loop: loop, house: house)
        shards.append(shard)
        sweepLater()
        return shard
    }

    /// After every call into curl: what it wants done at once, what it has finished, whose readers
    /// have news, and when it wants to be called.
    func settle(_ shard: Shard) {
        shard.runWhatIsDue()
        while let (transfer, code) = shard.nextFinished() {
            finish(transfer, with: transfer.failure(code))
        }
        if !shard.awake.isEmpty {
            let awake = shard.awake
            shard.awake.removeAll(keepingCapacity: true)
            for transfer in awake {
                transfer.isListedAwake = false
                tellReader(of: transfer)
            }
        }
        shard.armTimer()
    }

    func finish(_ transfer: Transfer, failing reason: HTTPError.Reason) {
        finish(
            transfer,
            with: HTTPError(reason: reason, requestMayHaveBeenSent: transfer.mayHaveBeenSent)
        )
    }

    /// Ends a transfer, and tells who waits for it. Nil means that the answer is complete.
    private func finish(_ transfer: Transfer, with failure: HTTPError?) {
        if let timer = transfer.timer.take() { loop.cancel(timer) }
        if let shard = transfer.shard {
            shard.remove(transfer)
            firstWithRoom = min(firstWithRoom, shard.index)
            if shard.isBroken, shard.active == 0 { shards[shard.index] = nil }
        }
        switch transfer.delivery {
        case .none:
            release(transfer)
        case .whole(let continuation):
            if let failure {
                continuation.resume(returning: .failure(failure))
            } else {
                continuation.resume(returning: .success(transfer.response))
            }
            release(transfer)
        case .streamed(var stream):
            // Released when its reader is done with what has come.
            guard stream.ending == nil else { return }
            stream.ending = .some(failure)
            transfer.delivery = .streamed(stream)
            tellReader(of: transfer)
        }
    }

    func release(_ transfer: Transfer) {
        inFlight -= 1
        transfer.reset()
        if !isShutDown, idle.count < Limits.idleTransfersMax {
            idle.append(transfer)
        } else {
            transfers[transfer.id.slot] = nil
            freeSlots.append(transfer.id.slot)
        }
    }

    /// The transfer of that use, if the use has not ended.
    func transfer(_ id: Transfer.ID) -> Transfer? {
        guard id.slot < transfers.count, let transfer = transfers[id.slot], transfer.id == id
        else { return nil }
        return transfer
    }
}

// MARK: - Time

extension HTTPClient {
    /// One timer a transfer, for whichever limit is nearest; each firing looks at all of them.
    private func watchTheClock(_ transfer: Transfer) {
        guard let next = transfer.looksAgainAt else { return }
        schedule(transfer, at: next)
    }

    private func schedule(_ transfer: Transfer, at deadline: EventLoop.Instant) {
        let id = transfer.id
        transfer.timer = loop.schedule(at: deadline) { [unowned self] in
            self.assumeIsolated { $0.clockStruck(id) }
        }
    }

    private func clockStruck(_ id: Transfer.ID) {
        guard let transfer = transfer(id) else { return }
        transfer.timer = nil
        transfer.noteBytesSent()
        guard let limit = transfer.limit, limit.at <= loop.now else {
            transfer.isSuspect = false
            return watchTheClock(transfer)
        }
        guard transfer.isSuspect else {
            // Timers come before descriptors in a turn. If it is the loop that was late, the bytes
            // are there: they have this one turn to be heard.
            transfer.isSuspect = true
            return schedule(transfer, at: loop.now)
        }
        let shard = transfer.shard
        finish(transfer, failing: .timedOut(limit.phase))
        if let shard { settle(shard) }
    }

    nonisolated func shardTimerFired(_ index: Int) {
        assumeIsolated { client in
            guard index < client.shards.count, let shard = client.shards[index] else { return }
            shard.timerFired()
            client.settle(shard)
        }
    }

    nonisolated func socketReady(_ fd: Int32, _ readiness: EventLoop.Readiness, shard index: Int) {
        assumeIsolated { client in
            guard index < client.shards.count, let shard = client.shards[index] else { return }
            shard.socketReady(fd, readiness)
            client.settle(shard)
        }
    }

    /// Gives back the shards, and so the connections, that a burst needed and nobody has since.
    private func sweepLater() {
        guard sweep == nil else { return }
        sweep = loop.schedule(at: loop.now + house.options.idleConnectionLife) { [unowned self] in
            self.assumeIsolated { $0.sweepNow() }
        }
    }

    private func sweepNow() {
        sweep = nil
        let longAgo = loop.now - house.options.idleConnectionLife
        for case let shard? in shards where shard.active == 0 && shard.lastUsed <= longAgo {
            shards[shard.index] = nil
            firstWithRoom = min(firstWithRoom, shard.index)
        }
        while let last = shards.last, last == nil { shards.removeLast() }
        firstWithRoom = min(firstWithRoom, shards.count)
        if !shards.isEmpty { sweepLater() }
    }
}

// MARK: - Cancellation

extension HTTPClient {
    /// From any thread: breaks off that one transfer, in this turn of the loop or the next.
    nonisolated func cancelSoon(_ id: Transfer.ID) {
        loop.execute { self.assumeIsolated { $0.cancel(id) } }
    }

    private func cancel(_ id: Transfer.ID) {
        guard let transfer = transfer(id), let shard = transfer.shard else { return }
        finish(transfer, failing: .cancelled)
        settle(shard)
    }
}
