import Contract
import EventLoop
import Gateways
import Logging
import Redis
import Telemetry

// What may be read now: as room allows, unless an operator has paused or Redis is nearly full.
extension Consumer {
    /// Requests that could run beside those that do, and from which streams; the parked hold no slot.
    var readable: (room: Int, queues: [Queue]) {
        let held = held.count
        return slots.assumeIsolated { $0.readable(held: held) }
    }

    var hasRoom: Bool { heldBytes < bounds.bytesMax && readable.room > 0 }

    /// What was handed to us is looked for also while nothing new is read.
    func mayRead(_ lane: Int) -> Bool {
        hasRoom && !(lanesState[lane].reading.isReading && holdsBack(lane))
    }

    private func holdsBack(_ lane: Int) -> Bool {
        memoryIsShort || lanesState[lane].outboxIsFull || lanesState[lane].pause != nil
    }

    /// The ledger's outbox of a lane's partition holds as much as it may, or has room again.
    func outbox(isFull: Bool, _ lane: Int) {
        guard isFull != lanesState[lane].outboxIsFull else { return }
        lanesState[lane].outboxIsFull = isFull
        let facts: Logger.Metadata = ["partition": "\(lanes[lane].partition)"]
        if isFull {
            log.warning("the ledger's outbox is full: nothing new is read", metadata: facts)
        } else {
            log.notice("the ledger's outbox has room again", metadata: facts)
        }
        wakeReaders()
        endReadsIfStale()
    }

    /// Redis has more, or less, memory in use than the watermark.
    func memory(isShort: Bool) {
        guard isShort != memoryIsShort else { return }
        memoryIsShort = isShort
        telemetry.metrics.requests.memoryShort.set(to: isShort ? 1 : 0)
        status.update { $0.memoryIsShort = isShort }
        if isShort {
            log.warning("Redis is nearly full: nothing new is read until memory falls")
        } else {
            log.notice("Redis has room again: reading goes on")
        }
        wakeReaders()
        endReadsIfStale()
    }

    /// Whether an operator has paused a lane's partition.
    func note(_ pause: Pause?, _ lane: Int) {
        guard pause != lanesState[lane].pause else { return }
        let was = lanesState[lane].pause
        lanesState[lane].pause = pause
        let partition = lanes[lane].partition
        slots.assumeIsolated {
            if pause == nil { $0.resume(partition) } else { $0.pause(partition) }
        }
        let paused = zip(lanes, lanesState).compactMap { lane, state in
            state.pause.map { (lane.partition, $0) }
        }
        telemetry.metrics.requests.paused.set(to: paused.count)
        status.update { $0.pauses = paused.map { .init(partition: $0.0, pause: $0.1) } }
        switch (was, pause) {
        case (nil, .some(let pause)):
            log.notice(
                "the partition is paused: nothing new starts, what runs finishes",
                metadata: ["partition": "\(partition)", "by": "\(pause.by)"]
            )
        case (.some, nil):
            log.notice("the partition goes on", metadata: ["partition": "\(partition)"])
        default: break
        }
        wakeReaders()
        endReadsIfStale()
    }
}

// MARK: - Reads that wait for what may not be read, or not for all that may

extension Consumer {
    private func isStale(_ lane: Int) -> Bool {
        guard let blocked = lanesState[lane].blockedOn else { return false }
        if holdsBack(lane) { return true }
        // It takes what comes; only what it leaves out matters.
        let (room, queues) = readable
        return room > 0 && !queues.allSatisfy(blocked.contains)
    }

    func endReadsIfStale() {
        guard let waiter = staleReadWaiter, isStopping || lanes.indices.contains(where: isStale)
        else { return }
        staleReadWaiter = nil
        waiter.resume()
    }

    /// Ends reads that wait in Redis on terms that have changed, as if their time were over.
    func endStaleReads() async {
        while !isStopping, !Task.isCancelled {
            guard let lane = lanes.indices.first(where: isStale) else {
                await untilAReadMayBeStale()
                continue
            }
            do {
                if let client = lanesState[lane].client {
                    try await StreamReader.unblock(client: client, by: control)
                }
                // One that had not reached Redis yet is looked at again.
                try await loop.sleep(for: .milliseconds(20))
            } catch let error as RedisError {
                log.debug("the read ends by itself", metadata: ["reason": "\(error)"])
                do { try await loop.sleep(for: .milliseconds(200)) } catch {}
            } catch {}
        }
    }

    private func untilAReadMayBeStale() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !Task.isCancelled, !isStopping else { return continuation.resume() }
                staleReadWaiter = continuation
            }
        } onCancel: {
            loop.execute {
                self.assumeIsolated { consumer in
                    consumer.staleReadWaiter?.resume()
                    consumer.staleReadWaiter = nil
                }
            }
        }
    }
}
