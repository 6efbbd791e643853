import Contract
package import Desk
import JSON
package import Logging
import Program
import Redis
import Release
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Looks at the whole service once a second: for the console, which any supervisor shows, and for the
/// fleet's metrics, which the one shows that leads the first partition.
package final class FleetWatch: Service, Sendable {
    private let streams: StreamsView
    private let holder: String
    private let overview: Overview
    private let metrics: FleetMetrics
    private let log: Logger
    private let state = Mutex(State())
    private let refusals = Outage()

    private struct State {
        /// Counts what was seen, what went wrong included.
        var version = 0
        var reading: FleetReading?
        var history = FleetHistory()
        /// Why the last look came to nothing, and since when looks do, Unix milliseconds here.
        var trouble: String?
    }

    package enum Limits {
        /// Between two looks at sixteen partitions or fewer; a look takes some 0.3 ms of Redis for each.
        package static let interval = Duration.seconds(1)
        package static let partitionsPerSecond = 16
        /// How often somebody who waits for the next look asks whether it has come.
        package static let patience = Duration.milliseconds(100)
    }

    /// - Parameters:
    ///   - streams: Over a connection of its own.
    ///   - holder: This supervisor, by the name in its leases.
    package init(
        _ streams: StreamsView,
        holder: String,
        _ overview: Overview,
        _ metrics: FleetMetrics,
        log: Logger
    ) {
        self.streams = streams
        self.holder = holder
        self.overview = overview
        self.metrics = metrics
        self.log = log
    }

    package func run() async throws {
        let rounds = (streams.partitions + Limits.partitionsPerSecond - 1)
        let interval = Limits.interval * max(rounds / Limits.partitionsPerSecond, 1)
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            await look()
            await cancelWhenGracefulShutdown {
                do { try await Task.sleep(for: interval) } catch {}
            }
        }
        metrics.visibility.show(false)
    }

    package func look() async {
        do throws(RedisError) {
            try await streams.redis.whenReady(within: Limits.interval)
            let reading = try await FleetReading.read(streams)
            let figures = reading.figures
            if overview.isLed(0) { metrics.show(figures) } else { metrics.visibility.show(false) }
            state.withLock { state in
                state.version += 1
                state.reading = reading
                state.history.add(figures, at: reading.nowMs)
                state.trouble = nil
            }
            _ = refusals.end()
        } catch {
            metrics.visibility.show(false)
            state.withLock { state in
                state.version += 1
                state.trouble = "\(error)"
            }
            guard refusals.failedAgain() != nil else { return }
            log.debug("the service cannot be looked at", metadata: ["reason": "\(error)"])
        }
    }
}

// MARK: - For the console

extension FleetWatch {
    /// What was seen last, after `version`; waits for it. Nil when the process stops meanwhile.
    package func next(after version: Int) async -> Int? {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            let seen = state.withLock { $0.version }
            if seen > version { return seen }
            do { try await Task.sleep(for: Limits.patience) } catch { return nil }
        }
        return nil
    }

    /// The service as it is now, one JSON object.
    package var now: [UInt8] {
        let (reading, sample, trouble) = state.withLock {
            ($0.reading, $0.history.samples.last, $0.trouble)
        }
        return JSONWriter.bytes(reserving: 8_192) { writer in
            writer.object { writer in
                writer.field("release", Release.version)
                writer.field("supervisor", holder)
                writer.field("trouble", orNull: trouble)
                writer.key("sample")
                if let sample { sample.write(to: &writer) } else { writer.null() }
                reading?.write(to: &writer)
            }
        }
    }

    /// What curves begin with, one JSON object.
    package var past: [UInt8] {
        let samples = state.withLock { $0.history.samples }
        return JSONWriter.bytes(reserving: 65_536) { writer in
            writer.object { writer in
                writer.array("names", FleetHistory.Sample.names) { $0.value($1) }
                writer.array("samples", samples) { writer, sample in sample.write(to: &writer) }
            }
        }
    }
}
