// Redis: hiredis on the loop. Connect, send a command, run a script, cancel, reconnect.
// Belongs here: endpoints, commands, replies, the life of one connection.
// Does not: names of streams and keys, what a script means, when a caller should try again.
//
// Read in this order:
//   Endpoint.swift     where a server is and who we are there
//   Command.swift      what is asked            Value.swift   what is answered
//   Script.swift       what is asked by hash    Errors.swift  what went wrong instead
//   Connection.swift   the life of a connection: resolve, connect, greet, ready, lost, rest, again
//   Greeting.swift     what is said first on a new connection, and what the answers mean
//   Sending.swift      a command's way through a ready connection, and its cancellation
//   Wire.swift         one hiredis context, from its making to its end
//   Pending.swift      the commands that wait for their replies, in order
//
// Names become addresses, and rests between attempts are drawn, by `EventLoop`.

internal import CHiredis

/// The library underneath, for logs and support.
package enum RedisLibrary {
    /// hiredis' version, as in `0.14.1`.
    package static var version: String { unsafe String(cString: chiredis_version()) }
    /// Whether `rediss://` works in this build.
    package static var hasTLS: Bool { chiredis_tls_available() != 0 }
}

/// What a connection holds at most; full is an answer (`RedisError.overloaded`).
package enum RedisLimits {
    /// Commands sent and not yet answered, over one connection. A worker has some 5,000 requests in
    /// flight with at most a few commands each; at 64 bytes an entry this is 4 MiB.
    package static let commandsInFlightMax = 65_536
    /// Bytes of commands that the socket has not yet taken. A server that reads slowly is noticed by
    /// the command time limit; this bounds what gathers until then.
    package static let unsentBytesMax = 64 << 20
    /// Bytes of all strings in one reply. Larger than any we ask for (32 entries of 64 KiB), smaller than a worker's
    /// memory: a reply beyond it costs the connection, not the process.
    package static let replyBytesMax = 128 << 20
    /// Elements of all arrays in one reply: 16 MiB of pointers in hiredis.
    package static let replyElementsMax = 2 << 20
    /// Arrays within arrays in one reply. Stream reads have 5; hiredis 0.14 takes no more than this.
    package static let replyDepthMax = 7
    /// Reads tried before a command counts as late, 16 KiB each: what came while the loop was busy
    /// lies in the socket, and is not late.
    package static let lateReadsMax = 256
    /// A path of a unix socket, in bytes: `sun_path` less its zero.
    package static let unixPathBytesMax = 107
}
