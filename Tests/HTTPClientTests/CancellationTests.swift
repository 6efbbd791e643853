import EventLoop
import Glibc
import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct CancellationTests {
    /// Sends in a child task, cancels it when `moment` has come, and answers how it ended.
    private func cancelled(
        _ client: HTTPClient,
        _ request: HTTPRequest,
        at moment: () async -> Void
    ) async -> HTTPError? {
        await withTaskGroup(of: HTTPError?.self) { group in
            group.addTask {
                do throws(HTTPError) {
                    _ = try await client.send(request)
                    return nil
                } catch {
                    return error
                }
            }
            await moment()
            group.cancelAll()
            return await group.next() ?? nil
        }
    }

    @Test func `a task cancelled before it sends sends nothing`() async throws {
        try await withPeer {
            $0.waitForEnd()
        } _: { peer in
            let error = try await withClient { client, _ in
                await withTaskGroup(of: HTTPError?.self) { group in
                    group.cancelAll()
                    group.addTask {
                        do throws(HTTPError) {
                            _ = try await client.send(.post(peer.url()))
                            return nil
                        } catch {
                            return error
                        }
                    }
                    return await group.next() ?? nil
                }
            }
            #expect(error == HTTPError(reason: .cancelled, requestMayHaveBeenSent: false))
            #expect(peer.record.connections == 0)
        }
    }

    @Test func `cancelling while waiting closes the connection and leaves neighbours alive`()
        async throws
    {
        try await withPeer { connection in
            let request = connection.readRequest()
            if request?.line.contains("neighbour") == true {
                connection.waitForRelease()
                connection.answer("alive")
            } else {
                connection.waitForEnd()
            }
        } _: { peer in
            try await withClient { client, _ in
                async let neighbour = client.send(.post(peer.url("/neighbour")))
                let error = await cancelled(client, .post(peer.url())) {
                    await peer.until { $0.requests.count == 2 }
                }
                #expect(error == HTTPError(reason: .cancelled, requestMayHaveBeenSent: true))
                await peer.until { $0.endsSeen == 1 }
                peer.release()
                let answer = try await neighbour
                #expect(answer.text == "alive")
            }
        }
    }

    @Test func `cancelling in the middle of the body closes the connection`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            connection.waitForEnd()
        } _: { peer in
            try await withClient { client, _ in
                let error = await cancelled(client, .post(peer.url())) {
                    await peer.until { $0.bytesWritten > 40 }
                }
                #expect(error?.reason == .cancelled)
                await peer.until { $0.endsSeen == 1 }
            }
        }
    }

    @Test func `cancellations from other threads at any moment end every request once`()
        async throws
    {
        try await withPeer { connection in
            while connection.readRequest() != nil { connection.answer("ok") }
        } _: { peer in
            let loopless = try await EventLoop.run { loop in
                let client = try HTTPClient(on: loop)
                var dice = SystemRandomNumberGenerator()
                var ended = 0
                for _ in 0..<200 {
                    let spins = Int.random(in: 0..<2_000, using: &dice)
                    ended += await withTaskGroup(
                        of: Int.self,
                        returning: Int.self
                    ) { group in
                        group.addTask(executorPreference: globalConcurrentExecutor) {
                            _ = try? await client.send(.get(peer.url()))
                            return 1
                        }
                        group.addTask(executorPreference: globalConcurrentExecutor) {
                            for _ in 0..<spins { sched_yield() }
                            return 0
                        }
                        var ended = 0
                        if let first = await group.next() { ended += first }
                        group.cancelAll()
                        for await one in group { ended += one }
                        return ended
                    }
                }
                #expect(await client.requestsInFlight == 0)
                await client.shutdown()
                return ended
            }
            #expect(loopless == 200)
        }
    }

    @Test func `a shutdown ends what runs, and refuses what comes`() async throws {
        try await withPeer { connection in
            connection.readRequest()
            connection.waitForEnd()
        } _: { peer in
            try await withClient { client, _ in
                await withTaskGroup(of: HTTPError?.self) { group in
                    for _ in 0..<100 {
                        group.addTask {
                            do throws(HTTPError) {
                                _ = try await client.send(.post(peer.url()))
                                return nil
                            } catch {
                                return error
                            }
                        }
                    }
                    await peer.until { $0.requests.count == 100 }
                    await client.shutdown()
                    let expected = HTTPError(reason: .shutDown, requestMayHaveBeenSent: true)
                    for await error in group { #expect(error == expected) }
                }
                await peer.until { $0.endsSeen == 100 }
                let error = try await client.failure(of: .post(peer.url()))
                #expect(error == HTTPError(reason: .shutDown, requestMayHaveBeenSent: false))
            }
        }
    }

    @Test func `no descriptor is left behind, whatever the end`() async throws {
        // In a process of its own: other tests open and close descriptors of this one.
        await #expect(processExitsWith: .exitCode(0)) {
            // The first round opens what the process keeps: the libraries' own descriptors.
            var kept = 0
            for round in 0..<3 {
                try await withPeer { connection in
                    while let request = connection.readRequest() {
                        if request.line.contains("stall") { return connection.waitForEnd() }
                        if request.line.contains("reset") { return connection.reset() }
                        connection.answer("ok")
                    }
                } _: { peer in
                    try await withClient { client, _ in
                        await withTaskGroup(of: Void.self) { group in
                            for number in 0..<100 {
                                let path = ["/", "/stall", "/reset"][number % 3]
                                group.addTask { _ = try? await client.send(.get(peer.url(path))) }
                            }
                            group.addTask {
                                _ = try? await client.send(.get("http://nonexistent.invalid/"))
                            }
                            await peer.until { $0.requests.count >= 100 }
                            await client.shutdown()
                        }
                    }
                }
                // The thread of an abandoned look-up has a pipe, and ends when DNS lets it.
                let deadline = ContinuousClock.now + .seconds(20)
                while round > 0, openDescriptors() > kept, .now < deadline { usleep(1_000) }
                if round > 0, openDescriptors() > kept { exit(1) }
                kept = openDescriptors()
            }
            exit(0)
        }
    }
}

/// Counts this process's descriptors.
private func openDescriptors() -> Int {
    (0..<4_096).count { fcntl($0, F_GETFD) >= 0 }
}
