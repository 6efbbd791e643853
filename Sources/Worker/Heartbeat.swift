import EventLoop
import Gateways
import Logging
import Policy
import Redis
import ServiceLifecycle

/// Says once a second, in every partition, that this process lives, and learns what was taken from it,
/// whether an operator has paused, and whether Redis has memory for more.
///
/// It beats until the last request has ended: a worker that drains is alive.
struct Heartbeat: Service {
    let loop: EventLoop
    let control: RedisConnection
    let lanes: [Consumer.Lane]
    let consumer: Consumer
    /// `MEMORY_WATERMARK`.
    let watermark: Double
    let log: Logger

    private enum Limits {
        static let interval = Duration.seconds(1)
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await beat() }
        // All has ended: nobody needs to wait for the key to expire.
        for lane in lanes {
            do throws(RedisError) {
                try await lane.presence.leave(by: control)
            } catch {
                log.debug("the sign of life expires by itself", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func beat() async throws {
        var due = loop.now
        var memory = Watermark(watermark)
        while !Task.isCancelled {
            do throws(RedisError) {
                try await control.whenReady(within: Limits.interval)
                for (index, lane) in lanes.enumerated() { try await beat(in: lane, index) }
                let found = try await RedisMemory.look(over: control)
                memory.saw(bytesUsed: found.bytesUsed, of: found.bytesMax)
                await consumer.memory(isShort: memory.isFull)
            } catch {
                log.debug("no sign of life was given", metadata: ["reason": "\(error)"])
            }
            due = max(due + Limits.interval, loop.now)
            do { try await loop.sleep(until: due) } catch { return }
        }
    }

    private func beat(in lane: Consumer.Lane, _ index: Int) async throws(RedisError) {
        // Before the name is ours, the sign of life there is another's, and not to be renewed.
        guard await consumer.hasName(in: lane.partition) else { return }
        switch try await lane.presence.beat(by: control) {
        case .renewed(let taken, let pause, let outboxIsFull):
            await consumer.note(pause, index)
            await consumer.outbox(isFull: outboxIsFull, index)
            if !taken.isEmpty { await consumer.revoke(taken, partition: lane.partition) }
        case .gone:
            if try await !lane.presence.claim(by: control) { await consumer.lostName() }
        case .taken: await consumer.lostName()
        }
    }
}
