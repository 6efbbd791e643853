import Foundation
import TestSupport

/// `strategyctl` beside one Redis.
struct Ctl {
    let redis: RedisServer

    @discardableResult
    func run(
        _ arguments: String...,
        settings: [String: String] = [:]
    ) throws -> (status: Int32, output: String) { try run(arguments, settings: settings) }

    /// - Returns: Its exit status, and all that it printed.
    @discardableResult
    func run(
        _ arguments: [String],
        settings: [String: String] = [:]
    ) throws -> (status: Int32, output: String) {
        let path = try BuiltProducts.url(of: "strategyctl").path
        let base = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "REDIS_URL": redis.url,
        ]
        return try Program.run([path] + arguments, environment: base.merging(settings) { $1 })
    }

    /// What it says with `--json`, whatever its status.
    func json(
        _ arguments: String...,
        settings: [String: String] = [:]
    ) throws -> [String: Any] {
        let output = try run(arguments + ["--json"], settings: settings).output
        let read = try JSONSerialization.jsonObject(with: Data(output.utf8))
        return read as? [String: Any] ?? [:]
    }
}
