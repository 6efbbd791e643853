internal import CCurl

/// A body as it comes: what has arrived since the last time, never more than a bounded buffer.
///
/// Ends at the end of the answer, or throws why it will not come. One reader, one pass.
package struct HTTPBody: AsyncSequence {
    package typealias Element = [UInt8]
    package typealias Failure = HTTPError

    fileprivate let client: HTTPClient
    fileprivate let id: Transfer.ID

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: client, id: id) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let client: HTTPClient
        fileprivate let id: Transfer.ID

        package func next() async throws(HTTPError) -> [UInt8]? {
            try await client.nextChunk(id).get()
        }

        package func next(
            isolation actor: isolated (any Actor)?
        ) async throws(HTTPError) -> [UInt8]? {
            try await client.nextChunk(id).get()
        }
    }
}

extension HTTPClient {
    /// Sends a request; hands `consume` the head as soon as it is there, and the body as it comes.
    ///
    /// A reader that is slow slows the connection: at most `streamBufferBytesMax` and one read wait
    /// for it. (On HTTP/2 that holds up the other streams of the connection too.) The transfer ends
    /// with `consume`: what was not read by then is not wanted, and is broken off.
    package nonisolated func withResponse<Value>(
        _ request: HTTPRequest,
        _ consume: (HTTPResponseHead, HTTPBody) async throws(HTTPError) -> Value
    ) async throws(HTTPError) -> Value {
        let id = try await open(request)
        let outcome: Result<Value, HTTPError> = await withTaskCancellationHandler {
            do throws(HTTPError) {
                let head = try await awaitHead(id).get()
                return .success(try await consume(head, HTTPBody(client: self, id: id)))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            cancelSoon(id)
        }
        await close(id)
        return try outcome.get()
    }

    private func open(_ request: HTTPRequest) throws(HTTPError) -> Transfer.ID {
        let transfer = try acquire(request)
        transfer.delivery = .streamed(.init(bufferBytesMax: house.options.streamBufferBytesMax))
        start(transfer)
        return transfer.id
    }

    private func awaitHead(_ id: Transfer.ID) async -> Result<HTTPResponseHead, HTTPError> {
        guard let transfer = transfer(id) else { return .failure(Self.closed) }
        return await withCheckedContinuation { continuation in
            update(transfer) { $0.headWaiter = continuation }
            tellReader(of: transfer)
        }
    }

    fileprivate func nextChunk(_ id: Transfer.ID) async -> Result<[UInt8]?, HTTPError> {
        guard let transfer = transfer(id) else { return .failure(Self.closed) }
        return await withCheckedContinuation { continuation in
            update(transfer) { stream in
                precondition(stream.chunkWaiter == nil, "a body has one reader")
                stream.chunkWaiter = continuation
            }
            tellReader(of: transfer)
        }
    }

    private func close(_ id: Transfer.ID) {
        guard let transfer = transfer(id) else { return }
        let shard = transfer.shard
        finish(transfer, failing: .cancelled)
        release(transfer)
        if let shard { settle(shard) }
    }

    /// Gives a waiting reader what there is for it.
    func tellReader(of transfer: Transfer) {
        guard case .streamed(var stream) = transfer.delivery else { return }
        if let waiter = stream.headWaiter {
            if transfer.headIsComplete {
                stream.headWaiter = nil
                waiter.resume(returning: .success(transfer.head))
            } else if let ending = stream.ending {
                stream.headWaiter = nil
                waiter.resume(returning: .failure(ending ?? Self.closed))
            }
        }
        guard let waiter = stream.chunkWaiter else {
            transfer.delivery = .streamed(stream)
            return
        }
        if !transfer.body.isEmpty {
            stream.chunkWaiter = nil
            waiter.resume(returning: .success(transfer.takeBody()))
        } else if let ending = stream.ending {
            stream.chunkWaiter = nil
            waiter.resume(returning: ending.map { .failure($0) } ?? .success(nil))
        }
        transfer.delivery = .streamed(stream)
        resumeReading(transfer)
    }

    /// Lets curl read on, once the reader has taken what was there. Never inside a callback.
    private func resumeReading(_ transfer: Transfer) {
        guard transfer.isPaused, transfer.body.isEmpty, let shard = transfer.shard else { return }
        transfer.didResume()
        _ = unsafe curl_easy_pause(transfer.easy.pointer, CURLPAUSE_CONT)
        settle(shard)
    }

    private func update(_ transfer: Transfer, _ change: (inout Transfer.Stream) -> Void) {
        guard case .streamed(var stream) = transfer.delivery else { return }
        change(&stream)
        transfer.delivery = .streamed(stream)
    }

    /// The use of a body after the call it was lent to.
    private static var closed: HTTPError {
        HTTPError(reason: .cancelled, requestMayHaveBeenSent: true)
    }
}
