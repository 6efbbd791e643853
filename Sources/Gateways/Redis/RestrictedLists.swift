package import Contract
package import EventLoop
package import Logging
package import Options
internal import Pipeline
package import Redis
internal import Synchronization

/// What the house offers to nobody: an operator's file and what `strategyctl restrict` put into
/// Redis, together. Looked at once a second, so that a change needs no restart.
package final class RestrictedLists: Restrictions {
    private struct State {
        /// Nil until Redis has been read for the first time.
        var fleet: RestrictedList?
        var file = RestrictedList.empty
        var stamp: FileText.Stamp?
        var inForce: RestrictedList?
    }

    private let connection: RedisConnection
    private let loop: EventLoop
    private let key: String
    private let path: String?
    private let log: Logger
    /// A mutex that nobody contends: all of it runs on one loop.
    private let state = Mutex(State())

    private enum Limits {
        /// Before the first look has succeeded, requests ask this often.
        static let retry = Duration.milliseconds(200)
    }

    /// - Parameter path: `RESTRICTED_FILE`, in the form of `RestrictedList.init(text:)`.
    /// - Throws: When the file cannot be read, or says something that cannot be restricted.
    package init(
        connection: RedisConnection,
        on loop: EventLoop,
        keys: GlobalKeys,
        file path: String?,
        log: Logger
    ) throws(RestrictedFileError) {
        self.connection = connection
        self.loop = loop
        key = keys.restricted
        self.path = path
        self.log = log
        guard let path else { return }
        let list = try Self.list(path)
        state.withLock { state in
            state.file = list
            state.stamp = FileText.stamp(path)
        }
    }

    package func inForce() async throws(CancellationError) -> RestrictedList {
        while true {
            if let list = state.withLock({ $0.inForce }) { return list }
            do throws(RedisError) {
                try await refresh()
            } catch {
                do { try await loop.sleep(for: Limits.retry) } catch { throw CancellationError() }
            }
        }
    }

    /// Looks at both again. What cannot be read stays as it was known.
    ///
    /// The corresponding Redis command is `SMEMBERS`.
    package func refresh() async throws(RedisError) {
        refreshFile()
        let answer = try await connection.send(RedisCommand("SMEMBERS", .text(key)))
        var fleet = RestrictedList.empty
        for member in answer.array ?? [] {
            guard let line = member.text, let entry = RestrictedList.Entry(line: line) else {
                log.error("the restricted list holds what cannot be restricted")
                continue
            }
            fleet.add(entry)
        }
        let change = state.withLock { state -> RestrictedList? in
            state.fleet = fleet
            let all = state.file.union(fleet)
            defer { state.inForce = all }
            return state.inForce == all ? nil : all
        }
        guard let change else { return }
        log.info(
            "the restricted list is in force",
            metadata: [
                "symbols": "\(change.symbols.count)", "strategies": "\(change.strategies.count)",
            ]
        )
    }

    private func refreshFile() {
        guard let path else { return }
        let stamp = FileText.stamp(path)
        guard stamp != state.withLock({ $0.stamp }) else { return }
        do throws(RestrictedFileError) {
            let list = try Self.list(path)
            state.withLock { $0.file = list }
        } catch {
            log.error(
                "the file of the restricted list is of no use; what it said before stands",
                metadata: ["reason": "\(error)"]
            )
        }
        // Also then: it is told once, and read again when it has changed.
        state.withLock { $0.stamp = stamp }
    }

    private static func list(_ path: String) throws(RestrictedFileError) -> RestrictedList {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileText.read(path)
        } catch {
            throw RestrictedFileError(description: error.description)
        }
        do throws(RestrictedList.Fault) {
            return try RestrictedList(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw RestrictedFileError(
                description: "\(path), line \(error.line): \(error.message)"
            )
        }
    }
}

package struct RestrictedFileError: Error, CustomStringConvertible {
    package let description: String
}
