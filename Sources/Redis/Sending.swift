internal import EventLoop

extension RedisConnection {
    /// Sends one command and waits for its reply.
    ///
    /// - Parameter timeout: Nil is `options.commandTimeLimit`. For a command that blocks in the
    ///   server: the time it asks for, plus a margin.
    /// - Throws: `.notConnected`, `.overloaded`, `.unsupportedCommand`: not sent. `.server`: refused.
    ///   `.connectionLost`, `.timedOut`, `.cancelled`: the server may have done it, or may yet.
    @discardableResult
    package func send(
        _ command: RedisCommand,
        timeout: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        let wire = try wireForSending(command)
        let id = wire.nextID
        let deadline = loop.now + (timeout ?? options.commandTimeLimit)
        // Nothing suspends between reading `id` and submitting, so the command gets that id.
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<PendingQueue.Outcome, Never>) in
                if Task.isCancelled {
                    continuation.resume(returning: .failure(.cancelled))
                } else if !wire.submit(command, deadline: deadline, .caller(continuation)) {
                    continuation.resume(returning: .failure(.notConnected(lastLoss)))
                }
            }
        } onCancel: {
            loop.execute { self.assumeIsolated { $0.abandon(id) } }
        }
        return try outcome.get()
    }

    /// Sends commands in one go and waits for all replies, in the commands' order. An error that one
    /// of them gets is a value among the others; it does not stop those behind it.
    ///
    /// - Throws: As `send`, except `.server`.
    package func pipeline(
        _ commands: [RedisCommand],
        timeout: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        guard let first = commands.first else { return [] }
        let wire = try wireForSending(first)
        guard commands.allSatisfy(\.isSupported) else { throw .unsupportedCommand }
        guard wire.inFlight + commands.count <= RedisLimits.commandsInFlightMax else {
            throw .overloaded
        }
        let lastID = wire.nextID + commands.count - 1
        let deadline = loop.now + (timeout ?? options.commandTimeLimit)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Batch.Outcome, Never>) in
                let batch = Batch(count: commands.count, continuation)
                guard !Task.isCancelled else { return batch.end(.failure(.cancelled)) }
                for (place, command) in commands.enumerated() {
                    guard wire.submit(command, deadline: deadline, .batch(batch, place: place))
                    else { return batch.end(.failure(.notConnected(lastLoss))) }
                }
            }
        } onCancel: {
            // The last is the one that is still there as long as any is.
            loop.execute { self.assumeIsolated { $0.abandon(lastID) } }
        }
        return try outcome.get()
    }

    private func wireForSending(_ command: RedisCommand) throws(RedisError) -> Wire {
        guard case .ready = state, let wire else { throw .notConnected(lastLoss) }
        guard command.isSupported else { throw .unsupportedCommand }
        guard !wire.isFull else { throw .overloaded }
        return wire
    }

    /// Answers a cancelled caller at once. The reply is still to come, and is dropped then; the
    /// commands around it do not notice.
    private func abandon(_ id: Int) {
        switch wire?.abandon(id: id) {
        case .caller(let continuation): continuation.resume(returning: .failure(.cancelled))
        case .batch(let batch, _): batch.end(.failure(.cancelled))
        case .greeting, .nobody, nil: break
        }
    }
}
