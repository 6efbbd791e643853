internal import CCurl
internal import EventLoop

/// What all transfers and shards of one client have in common, and what outlives each of them.
final class House {
    let options: HTTPClientOptions
    let sockets: SocketTable
    let share: ShareHandle
    /// Stands in for a request that brings no constant headers.
    let noHeaders: HTTPConstantHeaders

    init(options: HTTPClientOptions, loop: EventLoop) throws(HTTPError) {
        self.options = options
        sockets = SocketTable(loop: loop)
        share = try ShareHandle()
        noHeaders = try HTTPConstantHeaders([])
    }

    /// Once a process, before anything else of curl. The corresponding C function is
    /// `curl_global_init`; its partner is never called, since others may use curl too.
    static let library: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    /// Refuses a libcurl that would block the loop or could not check a certificate.
    static func checkLibrary() throws(HTTPError) {
        func refusal(_ text: String) -> HTTPError {
            HTTPError(reason: .library(text), requestMayHaveBeenSent: false)
        }
        guard library == CURLE_OK else { throw refusal(library.text) }
        guard let version = unsafe curl_version_info(CURLVERSION_FIRST) else {
            throw refusal("its version is unknown")
        }
        let features = unsafe version.pointee.features
        guard features & CURL_VERSION_ASYNCHDNS != 0 else {
            throw refusal("it resolves names on the calling thread")
        }
        guard features & CURL_VERSION_SSL != 0 else { throw refusal("it has no TLS") }
    }
}

/// Names and TLS sessions, known to all shards. The corresponding C type is `CURLSH *`; freed by
/// `curl_share_cleanup`, after every handle that uses it. One thread uses it, so it has no locks.
@safe final class ShareHandle {
    let pointer: UnsafeMutableRawPointer

    init() throws(HTTPError) {
        guard let pointer = unsafe curl_share_init() else {
            throw HTTPError(
                reason: .library(CURLE_OUT_OF_MEMORY.text),
                requestMayHaveBeenSent: false
            )
        }
        unsafe self.pointer = pointer
        for what in [CURL_LOCK_DATA_DNS, CURL_LOCK_DATA_SSL_SESSION] {
            let code = unsafe ccurl_share_set_long(pointer, CURLSHOPT_SHARE, Int(what.rawValue))
            guard code == CURLSHE_OK else {
                throw HTTPError(
                    reason: .library("it cannot share names and sessions"),
                    requestMayHaveBeenSent: false
                )
            }
        }
    }

    deinit { unsafe curl_share_cleanup(pointer) }
}
