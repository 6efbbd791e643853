internal import CCurl

/// Headers that are the same for many requests: checked and made ready for curl once.
///
/// The lists of single requests end in this one, so it costs them nothing.
@safe package final class HTTPConstantHeaders: Sendable {
    /// Written in `init`, before anyone else can see it, and only read after.
    nonisolated(unsafe) fileprivate let first: UnsafeMutablePointer<curl_slist>?

    package init(_ headers: [(name: String, value: String)]) throws(HTTPError) {
        var list = HeaderList()
        for header in headers { try list.append(header.name, header.value) }
        // A name without a value takes back what curl would add. It would call every body
        // `application/x-www-form-urlencoded`, and ask leave to send one of more than 1 MiB.
        try unsafe list.appendLine("Content-Type:")
        try unsafe list.appendLine("Expect:")
        unsafe first = list.release()
    }

    deinit { unsafe curl_slist_free_all(first) }
}

/// One request's header lines, ending in constant ones. The corresponding C type is
/// `struct curl_slist *`; the front part is freed by `curl_slist_free_all`, the rest is not ours.
@safe struct HeaderList: ~Copyable {
    private var first: UnsafeMutablePointer<curl_slist>?
    private var last: UnsafeMutablePointer<curl_slist>?

    fileprivate init() {}

    /// - Parameter constant: Outlives the list.
    init(
        _ headers: [(name: String, value: String)],
        endingIn constant: HTTPConstantHeaders
    ) throws(HTTPError) {
        self.init()
        for header in headers { try append(header.name, header.value) }
        if let last = unsafe last {
            unsafe last.pointee.next = constant.first
        } else {
            unsafe first = constant.first
        }
    }

    deinit {
        guard let last = unsafe last else { return }
        unsafe last.pointee.next = nil
        unsafe curl_slist_free_all(first)
    }

    /// For `CURLOPT_HTTPHEADER`, which keeps it and reads it while the request is written.
    var pointer: UnsafeMutableRawPointer? { unsafe UnsafeMutableRawPointer(first) }

    fileprivate mutating func append(_ name: String, _ value: String) throws(HTTPError) {
        guard name.isHeaderName, value.isHeaderValue else {
            throw HTTPError(
                reason: .badRequest("header \(name.debugDescription)"),
                requestMayHaveBeenSent: false
            )
        }
        // To curl a colon without a value takes a header back, and a semicolon sends it empty.
        var line: [UInt8] = []
        line.reserveCapacity(name.utf8.count + value.utf8.count + 3)
        line.append(contentsOf: name.utf8)
        line.append(UInt8(ascii: value.isEmpty ? ";" : ":"))
        if !value.isEmpty {
            line.append(UInt8(ascii: " "))
            line.append(contentsOf: value.utf8)
        }
        line.append(0)
        try unsafe line.withUnsafeBufferPointer { (line) throws(HTTPError) in
            try unsafe line.withMemoryRebound(to: CChar.self) { (line) throws(HTTPError) in
                try unsafe appendLine(line.baseAddress)
            }
        }
    }

    /// - Parameter line: Ends in a zero; curl copies it.
    fileprivate mutating func appendLine(_ line: UnsafePointer<CChar>?) throws(HTTPError) {
        guard let node = unsafe curl_slist_append(nil, line) else {
            throw HTTPError(
                reason: .library(CURLE_OUT_OF_MEMORY.text),
                requestMayHaveBeenSent: false
            )
        }
        // `curl_slist_append` walks the list; we know its end.
        if let last = unsafe last { unsafe last.pointee.next = node } else { unsafe first = node }
        unsafe last = node
    }

    /// Hands the list over: the caller frees it.
    fileprivate consuming func release() -> UnsafeMutablePointer<curl_slist>? {
        let list = unsafe first
        unsafe last = nil
        return unsafe list
    }
}

extension String {
    /// A token in the sense of RFC 9110, 5.6.2: also what a method is made of.
    var isHeaderName: Bool {
        let bytes = utf8Span.span
        for index in bytes.indices {
            switch bytes[index] {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"): continue
            case let mark where Self.tokenMarks.contains(mark): continue
            default: return false
            }
        }
        return !bytes.isEmpty
    }

    private static let tokenMarks = Array("!#$%&'*+.^_`|~".utf8)

    /// Whether this begins with `scheme`, which is in lower case, and goes on after it.
    func hasScheme(_ scheme: String) -> Bool {
        utf8.count > scheme.utf8.count
            && zip(utf8, scheme.utf8).allSatisfy { $0.asciiLowercased == $1 }
    }

    /// No control character but the tab: no line break can smuggle a header in.
    var isHeaderValue: Bool { utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) } }
}
