import Contract
import Gateways
package import JSON
import Telemetry

extension FleetReading {
    /// The members of an object: all of it but what was before.
    package func write(to writer: inout JSONWriter) {
        writer.field("at", nowMs)
        writer.array("findings", findings) { writer, finding in finding.write(to: &writer) }
        writer.array("partitions", partitions) { writer, partition in
            partition.write(to: &writer)
        }
        writer.array("workers", workers) { writer, worker in worker.write(to: &writer) }
        writer.key("budget")
        writer.object { writer in
            writer.field("limit_usd", usdOrNull: budget.limit)
            writer.field("settled_usd", usd: budget.settled)
            writer.field("reserved_usd", usd: budget.reserved)
        }
        writer.array("breakers", breakers) { writer, breaker in breaker.write(to: &writer) }
        writer.key("memory")
        writer.object { writer in
            writer.field("used_bytes", memory.bytesUsed)
            writer.field("max_bytes", memory.bytesMax)
        }
        writer.key("totals")
        writer.object { counts.write(to: &$0) }
    }
}

extension FleetCounts {
    /// All that was ever counted.
    package func write(to writer: inout JSONWriter) {
        writer.field("ended", ended)
        writer.field("results", ended("result"))
        writer.field("rejected", ended(withAnyCode: "rejected"))
        writer.field("failed", ended(withAnyCode: "failed"))
        writer.field("cancelled", ended("cancelled"))
        writer.field("errors", errors)
        writer.field("cost_usd", usd: cost(.user) + cost(.house))
        writer.field("wasted_usd", usd: cost(.house))
        writer.key("sources")
        writer.object { writer in
            for source in ResultPayload.Source.allCases {
                writer.key(escaping: source.rawValue)
                writer.value(results(source))
            }
        }
        writer.key("degraded")
        writer.object { writer in
            for reason in Degradation.allCases where degraded(reason) > 0 {
                writer.key(escaping: reason.rawValue)
                writer.value(degraded(reason))
            }
        }
        writer.key("rejections")
        writer.object { writer in
            for code in RejectionCode.allCases where ended("rejected", code.rawValue) > 0 {
                writer.key(escaping: code.rawValue)
                writer.value(ended("rejected", code.rawValue))
            }
        }
        writer.key("failures")
        writer.object { writer in
            for code in FailureCode.allCases where ended("failed", code.rawValue) > 0 {
                writer.key(escaping: code.rawValue)
                writer.value(ended("failed", code.rawValue))
            }
        }
    }
}

extension PartitionReading {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("partition", partition)
            writer.array("queues", Queue.allCases) { writer, queue in
                guard let stream = books.streams[queue], let backlog = backlog(queue) else {
                    return writer.null()
                }
                writer.object { writer in
                    writer.field("priority", queue.rawValue)
                    writer.field("waiting", backlog.waiting)
                    writer.field("in_flight", backlog.inFlight)
                    writer.field("oldest_ms", backlog.oldestAgeMs)
                    writer.field("redis_lag", orNull: stream.lag.map(Int64.init))
                    writer.field("lag_known", backlog.isLagKnown)
                    writer.field("has_group", stream.hasGroup)
                }
            }
            writer.field("parked", max(books.counters["parked", default: 0], 0))
            writer.field("oldest_in_flight_ms", oldestInFlightMs)
            writer.field("estimated_wait_ms", orNull: load.int("estimated_wait_ms"))
            writer.field("accepting", orNull: load.int("accepting"))
            writer.field("leader", orNull: leader)
            writer.key("paused")
            if let pause {
                writer.object { writer in
                    writer.field("by", pause.by)
                    writer.field("at", pause.atMs)
                }
            } else {
                writer.null()
            }
            writer.field("dead_letters", deadLetters)
            writer.field("ledger_rows", ledgerRows)
        }
    }
}

extension BreakerReading {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("name", name)
            writer.field("state", state)
            writer.field("reason", reason)
            writer.field("since", sinceMs)
            writer.field("until", untilMs)
            writer.field("trips", trips)
        }
    }
}

extension WorkerReading {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("name", name)
            writer.field("alive", life != nil)
            writer.field("release", orNull: life?.release)
            writer.field("slots", orNull: life.map { Int64($0.slots) })
            writer.field("expires_in_ms", orNull: life.map { Int64($0.expiresInMs) })
            writer.field("held", held)
        }
    }
}

extension JSONWriter {
    mutating func field(_ key: StaticString, usdOrNull amount: NanoUSD?) {
        self.key(key)
        if let amount { dollars(amount) } else { null() }
    }
}

extension FleetHistory.Sample {
    /// An array, in the order of `names`.
    package func write(to writer: inout JSONWriter) {
        writer.beginArray()
        writer.value(at)
        writer.value(waiting)
        writer.value(inFlight)
        writer.value(oldestMs)
        for number in [
            rates.endedPerSecond, rates.errorsPerSecond, rates.dollarsPerMinute, rates.seconds50,
            rates.seconds95, rates.seconds99,
        ] {
            if let number { writer.value((number * 1e6).rounded() / 1e6) } else { writer.null() }
        }
        writer.endArray()
    }

    /// The members of an object, by `names`.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.field("at", at)
        writer.field("waiting", waiting)
        writer.field("in_flight", inFlight)
        writer.field("oldest_ms", oldestMs)
        let numbers = [
            rates.endedPerSecond, rates.errorsPerSecond, rates.dollarsPerMinute, rates.seconds50,
            rates.seconds95, rates.seconds99,
        ]
        for (name, number) in zip(Self.names.dropFirst(4), numbers) {
            writer.key(escaping: name)
            if let number { writer.value((number * 1e6).rounded() / 1e6) } else { writer.null() }
        }
    }

    package static let names = [
        "at", "waiting", "in_flight", "oldest_ms", "ended_per_second", "errors_per_second",
        "usd_per_minute", "seconds_50", "seconds_95", "seconds_99",
    ]
}
