import Dispatch
package import Foundation
import Glibc
import Synchronization

/// A program that a test has started, and ends.
///
/// It is killed by the kernel when the test program dies, however that dies.
package final class ChildProcess: Sendable {
    package let pid: pid_t

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    /// Starts a program. Blocks until it runs.
    ///
    /// - Parameters:
    ///   - arguments: The program's path or its name on `PATH`, then its arguments.
    ///   - log: Where its output goes; nil: nowhere.
    package init(
        _ arguments: [String],
        log: URL? = nil,
        environment: [String: String]? = nil
    ) throws {
        pid = try Spawner.shared.spawn(
            // The parent whose death counts is the thread that starts it, hence `Spawner`.
            ["setpriv", "--pdeathsig", "KILL", "--"] + arguments,
            log: log,
            environment: environment ?? ProcessInfo.processInfo.environment
        )
    }

    package func signal(_ number: Int32) { kill(pid, number) }

    /// Waits for its end and takes it off the process table. Once only.
    /// - Returns: Its exit status, or 128 and the signal that ended it, as a shell says it.
    @discardableResult
    package func reap() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return Self.exitStatus(status)
    }

    /// As `reap`, when it has ended; nil while it runs.
    package func reapIfEnded() -> Int32? {
        var status: Int32 = 0
        return unsafe waitpid(pid, &status, WNOHANG) == pid ? Self.exitStatus(status) : nil
    }

    private static func exitStatus(_ status: Int32) -> Int32 {
        status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// `SIGKILL`, and gone when this returns.
    package func killAndReap() {
        signal(SIGKILL)
        reap()
    }
}

/// A thread that starts processes and never ends: `PR_SET_PDEATHSIG` watches the thread, not the
/// process, that forked, and a test's thread may be an event loop's.
private final class Spawner: Sendable {
    static let shared = Spawner()
    private let calls = Mutex<[@Sendable () -> Void]>([])
    private let callsWaiting = DispatchSemaphore(value: 0)

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                callsWaiting.wait()
                let call = calls.withLock { $0.removeFirst() }
                call()
            }
        }
    }

    func spawn(_ arguments: [String], log: URL?, environment: [String: String]) throws -> pid_t {
        let answer = Answer()
        calls.withLock {
            $0.append {
                answer.outcome.withLock { outcome in
                    outcome = Result {
                        try Self.spawnHere(arguments, log: log, environment: environment)
                    }
                }
                answer.isThere.signal()
            }
        }
        callsWaiting.signal()
        answer.isThere.wait()
        guard let outcome = answer.outcome.withLock({ $0 }) else {
            throw ChildProcess.Failure("the spawning thread did not answer")
        }
        return try outcome.get()
    }

    /// Copies that C may keep, with the nil behind them that ends the list.
    private static func cStrings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    private static func freeAll(_ texts: [UnsafeMutablePointer<CChar>?]) {
        for index in unsafe texts.indices { unsafe free(texts[index]) }
    }

    private final class Answer: Sendable {
        let outcome = Mutex<Result<pid_t, any Error>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
    }

    private static func spawnHere(
        _ arguments: [String],
        log: URL?,
        environment: [String: String]
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(
            &actions,
            1,
            log?.path ?? "/dev/null",
            O_WRONLY | O_CREAT | O_APPEND,
            0o600
        )
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let argv = unsafe cStrings(arguments)
        let envp = unsafe cStrings(environment.map { "\($0.key)=\($0.value)" })
        defer {
            unsafe freeAll(argv)
            unsafe freeAll(envp)
        }
        var pid: pid_t = 0
        let code = unsafe posix_spawnp(&pid, arguments[0], &actions, nil, argv, envp)
        guard code == 0 else {
            throw ChildProcess.Failure("cannot start \(arguments): errno \(code)")
        }
        return pid
    }
}

/// A directory of a test's own, gone with all it holds when the test lets go of it.
package final class TemporaryDirectory: Sendable {
    package let url: URL

    /// Short, for a unix socket's path has 107 bytes.
    package init() throws {
        let name = "t\(String(UInt32.random(in: 0 ... .max), radix: 36))-\(getpid())"
        url = URL(fileURLWithPath: "/tmp").appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    package func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// A TCP port on loopback that nobody uses. Somebody else may take it before the caller does: who
/// starts a server on it must be ready to try another.
package func freePort() throws -> Int {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard fd >= 0 else { throw ChildProcess.Failure("socket: errno \(errno)") }
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafeMutablePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            unsafe bind(fd, address, size) == 0 ? getsockname(fd, address, &size) : -1
        }
    }
    guard code == 0 else { throw ChildProcess.Failure("bind: errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// Runs what blocks away from the caller's executor, so that an event loop under test goes on.
package func offLoop<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result(catching: body)) }
    }
}
