internal import Glibc
internal import Synchronization

/// A host's name on its way to addresses, on a thread of its own: `getaddrinfo` blocks, for as long
/// as the resolver's configuration says, and cannot be called off.
///
/// A connection has at most one under way; whoever loses interest abandons it, and the thread then
/// ends without a word. So it never posts to a loop that has ended.
package final class Resolution: Sendable {
    package typealias Outcome = Result<[String], ResolutionFailure>

    /// Nil once delivered or abandoned.
    private let deliver: Mutex<(@Sendable (Outcome) -> Void)?>
    private let host: String

    private init(host: String, deliver: @escaping @Sendable (Outcome) -> Void) {
        self.host = host
        self.deliver = Mutex(deliver)
    }

    /// - Parameter deliver: Called once, on the helper thread, unless abandoned before. It hands
    ///   over and leaves; `abandon` waits for it.
    package static func begin(
        _ host: String,
        deliver: @escaping @Sendable (Outcome) -> Void
    ) throws(ResolutionFailure) -> Resolution {
        let resolution = Resolution(host: host, deliver: deliver)
        let box = unsafe Unmanaged.passRetained(resolution)
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { box in
                // SAFETY: pairs with `passRetained` in `begin`; the thread's main runs once.
                guard let box = unsafe box else { return nil }
                unsafe Unmanaged<Resolution>.fromOpaque(box).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard code == 0 else {
            // SAFETY: the thread never ran, so its half of the pair is ours to end.
            unsafe box.release()
            throw ResolutionFailure(reason: "no thread for it: errno \(code)")
        }
        pthread_detach(thread)
        return resolution
    }

    /// After this, `deliver` is not called any more, and not being called.
    package func abandon() { deliver.withLock { $0 = nil } }

    private func run() {
        let outcome = Self.addresses(of: host)
        deliver.withLock { deliver in deliver.take()?(outcome) }
    }

    /// Blocks. Addresses as literals, in the order of preference that the system has configured.
    private static func addresses(of host: String) -> Outcome {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            return .failure(ResolutionFailure(reason: unsafe String(cString: gai_strerror(code))))
        }
        defer { unsafe freeaddrinfo(list) }
        var literals: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let size = socklen_t(text.count)
            if unsafe getnameinfo(
                entry.pointee.ai_addr,
                entry.pointee.ai_addrlen,
                &text,
                size,
                nil,
                0,
                NI_NUMERICHOST
            ) == 0 {
                literals.append(
                    String(
                        decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
                        as: UTF8.self
                    )
                )
            }
            unsafe next = entry.pointee.ai_next
        }
        return literals.isEmpty
            ? .failure(ResolutionFailure(reason: "the name has no address")) : .success(literals)
    }

    /// Whether `host` is an address already, so that nothing needs to be resolved.
    package static func isLiteral(_ host: String) -> Bool {
        var address = in6_addr()
        // A scope (`fe80::1%eth0`) is a part of the literal that `inet_pton` does not know.
        let bare = String(host.prefix { $0 != "%" })
        return unsafe inet_pton(AF_INET, bare, &address) == 1
            || inet_pton(AF_INET6, bare, &address) == 1
    }
}

/// A name that leads nowhere; the resolver's sentence.
package struct ResolutionFailure: Error {
    package let reason: String
}
