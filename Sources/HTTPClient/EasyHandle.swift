internal import CCurl

/// One transfer's handle. The corresponding C type is `CURL *`; freed by `curl_easy_cleanup`.
///
/// Whoever owns it takes it out of its multi before it dies; curl demands that order.
@safe struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer

    /// Nil when curl has no memory.
    init?() {
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
    }

    deinit { unsafe curl_easy_cleanup(pointer) }

    func set(_ option: CURLoption, _ value: Int) throws(HTTPError.Setting) {
        try check(unsafe ccurl_set_long(pointer, option, value))
    }

    func set(_ option: CURLoption, offset: Int64) throws(HTTPError.Setting) {
        try check(unsafe ccurl_set_offset(pointer, option, offset))
    }

    /// curl copies the text. The caller has seen to it that there is no NUL in it.
    func set(_ option: CURLoption, _ text: String) throws(HTTPError.Setting) {
        try check(unsafe text.withCString { unsafe ccurl_set_bytes(pointer, option, $0) })
    }

    /// curl keeps the pointer: it outlives the transfer, or is taken back with nil.
    func set(_ option: CURLoption, _ kept: UnsafeMutableRawPointer?) throws(HTTPError.Setting) {
        try check(unsafe ccurl_set_pointer(pointer, option, kept))
    }

    /// Takes a text or a pointer back.
    func clear(_ option: CURLoption) throws(HTTPError.Setting) {
        try check(unsafe ccurl_set_pointer(pointer, option, nil))
    }

    /// The request's body, copied once, by curl. The corresponding option is
    /// `CURLOPT_COPYPOSTFIELDS`, which makes the method `POST`.
    func setBody(_ body: [UInt8]) throws(HTTPError.Setting) {
        try set(CURLOPT_POSTFIELDSIZE_LARGE, offset: Int64(body.count))
        try check(
            unsafe body.withUnsafeBytes {
                // An empty array has no address, and to curl nil means "no body given".
                unsafe ccurl_set_bytes(
                    pointer,
                    CURLOPT_COPYPOSTFIELDS,
                    $0.baseAddress ?? UnsafeRawPointer(pointer)
                )
            }
        )
    }

    /// Lets go of the body and of what else the last request lent; what it was set to stays.
    func forgetRequest() {
        _ = unsafe ccurl_set_bytes(pointer, CURLOPT_COPYPOSTFIELDS, nil)
        _ = unsafe ccurl_set_pointer(pointer, CURLOPT_HTTPHEADER, nil)
    }

    /// The corresponding C function is `curl_easy_getinfo`; 0 for what is not known.
    subscript(_ info: CURLINFO) -> Int {
        var value = 0
        return unsafe ccurl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }

    /// The same for what curl counts in `curl_off_t`: bytes, and microseconds.
    subscript(offset info: CURLINFO) -> Int64 {
        var value: Int64 = 0
        return unsafe ccurl_get_offset(pointer, info, &value) == CURLE_OK ? value : 0
    }

    func check(_ code: CURLcode) throws(HTTPError.Setting) {
        guard code == CURLE_OK else { throw HTTPError.Setting(code: code) }
    }
}

extension HTTPError {
    /// An option that curl does not take: unknown to it, or no memory for the copy.
    struct Setting: Error {
        let code: CURLcode
        var error: HTTPError {
            HTTPError(reason: .library(code.text), requestMayHaveBeenSent: false)
        }
    }
}

extension HTTPTiming {
    /// Read before the handle is used again. The corresponding C documentation is
    /// `curl_easy_getinfo(3)`, "TIMES".
    init(of easy: borrowing EasyHandle) {
        self.init(
            micros: [
                easy[offset: CURLINFO_NAMELOOKUP_TIME_T], easy[offset: CURLINFO_CONNECT_TIME_T],
                easy[offset: CURLINFO_APPCONNECT_TIME_T],
                easy[offset: CURLINFO_STARTTRANSFER_TIME_T],
                easy[offset: CURLINFO_TOTAL_TIME_T],
            ]
        )
    }
}

extension HTTPVersion {
    init(of easy: borrowing EasyHandle) {
        self =
            switch easy[CURLINFO_HTTP_VERSION] {
            case Int(CURL_HTTP_VERSION_1_0): .http1_0
            case Int(CURL_HTTP_VERSION_1_1): .http1_1
            case Int(CURL_HTTP_VERSION_2_0): .http2
            default: .other
            }
    }
}
