internal import CCurl

// curl calls these on the loop's thread, from inside a function of its own that we called. Each
// unwraps, copies, hands over and leaves; none calls a curl function or runs a caller's code.

/// The corresponding C type is `curl_write_callback`, for `CURLOPT_WRITEFUNCTION`.
@c func transferBodyArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ box: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let box = unsafe box else { return 0 }
    // SAFETY: set in `Transfer.setConstants`; the handle that calls us dies with its transfer.
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
    let chunk = unsafe UnsafeBufferPointer(
        start: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self),
        count: size * count
    )
    return switch unsafe transfer.bodyArrived(chunk) {
    case .taken: size * count
    case .full: Int(CURL_WRITEFUNC_PAUSE)
    // Any count but ours and the magic one; the largest chunk is far smaller.
    case .refused: size * count &+ 1
    }
}

/// The corresponding C type is `curl_write_callback`, for `CURLOPT_HEADERFUNCTION`: a line a call.
@c func transferHeadArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ box: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let box = unsafe box else { return 0 }
    // SAFETY: as in `transferBodyArrived`.
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
    let line = unsafe UnsafeBufferPointer(
        start: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self),
        count: size * count
    )
    return unsafe transfer.headArrived(line) ? size * count : size * count &+ 1
}

/// The corresponding C type is `curl_prereq_callback`.
@c func transferWillSend(
    _ box: UnsafeMutableRawPointer?,
    _ peer: UnsafeMutablePointer<CChar>?,
    _ local: UnsafeMutablePointer<CChar>?,
    _ peerPort: Int32,
    _ localPort: Int32
) -> Int32 {
    guard let box = unsafe box else { return CURL_PREREQFUNC_ABORT }
    // SAFETY: as in `transferBodyArrived`.
    let transfer = unsafe Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
    return transfer.willSend() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// The corresponding C type is `curl_socket_callback`.
@c func shardSocketChanged(
    _ easy: UnsafeMutableRawPointer?,
    _ fd: curl_socket_t,
    _ what: Int32,
    _ box: UnsafeMutableRawPointer?,
    _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    guard let box = unsafe box else { return -1 }
    // SAFETY: set in `Shard.init`; the multi that calls us dies with its shard.
    let shard = unsafe Unmanaged<Shard>.fromOpaque(box).takeUnretainedValue()
    return shard.socketChanged(fd, what) ? 0 : -1
}

/// The corresponding C type is `curl_multi_timer_callback`.
@c func shardTimerChanged(
    _ multi: UnsafeMutableRawPointer?,
    _ milliseconds: Int,
    _ box: UnsafeMutableRawPointer?
) -> Int32 {
    guard let box = unsafe box else { return -1 }
    // SAFETY: as in `shardSocketChanged`.
    let shard = unsafe Unmanaged<Shard>.fromOpaque(box).takeUnretainedValue()
    shard.timerChanged(milliseconds)
    return 0
}

/// The corresponding C type is `curl_opensocket_callback`.
@c func socketOpen(
    _ box: UnsafeMutableRawPointer?,
    _ purpose: curlsocktype,
    _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let box = unsafe box, let address = unsafe address else { return CURL_SOCKET_BAD }
    // SAFETY: set in `Transfer.setConstants`; transfers and shards keep the table alive.
    let sockets = unsafe Unmanaged<SocketTable>.fromOpaque(box).takeUnretainedValue()
    return sockets.open(
        family: unsafe address.pointee.family,
        type: unsafe address.pointee.socktype,
        protocol: unsafe address.pointee.protocol
    )
}

/// The corresponding C type is `curl_closesocket_callback`.
@c func socketClose(_ box: UnsafeMutableRawPointer?, _ fd: curl_socket_t) -> Int32 {
    guard let box = unsafe box else { return -1 }
    // SAFETY: as in `socketOpen`. Connections outlive the transfer that opened them, not the table.
    let sockets = unsafe Unmanaged<SocketTable>.fromOpaque(box).takeUnretainedValue()
    sockets.close(fd)
    return 0
}
