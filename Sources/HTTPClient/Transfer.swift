internal import CCurl
internal import EventLoop

/// One request under way: curl's handle, what has come back, and who waits for it.
///
/// Lives on the loop, inside `HTTPClient`, and is used again for the next request. C holds it
/// unretained: `easy` dies with it, so no callback can come later.
@safe final class Transfer {
    /// Names one use of a transfer. A late cancellation of an earlier use finds another serial.
    struct ID: Sendable, Equatable {
        let slot: Int
        let serial: UInt64
    }

    enum Delivery {
        case none
        /// The whole answer at once.
        case whole(CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>)
        case streamed(Stream)
    }

    /// The reader's side of a streamed answer.
    struct Stream {
        let bufferBytesMax: Int
        var headWaiter: CheckedContinuation<Result<HTTPResponseHead, HTTPError>, Never>?
        var chunkWaiter: CheckedContinuation<Result<[UInt8]?, HTTPError>, Never>?
        /// Set when curl is done: nil for a complete answer.
        var ending: HTTPError??
    }

    private(set) var id: ID
    let easy: EasyHandle
    var delivery = Delivery.none
    var shard: Shard?
    var timer: EventLoop.Timer?

    private(set) var request: HTTPRequest?
    private var headerList: HeaderList?

    /// What `easy` is set to from the request before, and need not be told again.
    private var told = Told()

    private var arriving = ArrivingHead()
    /// What has come and was not yet taken.
    private(set) var body: [UInt8] = []
    private(set) var bodyBytes = 0
    private(set) var isPaused = false
    /// True while this stands in its shard's list of those whose reader is to be looked at.
    var isListedAwake = false
    /// Why a callback of ours made curl stop; curl's own code then says only that one did.
    private(set) var refusal: HTTPError.Reason?

    /// Times that curl began to write the request: more than one means a dead kept connection.
    private(set) var sendings = 0
    /// When the request was accepted.
    private var startedAt: EventLoop.Instant = .now
    /// When a byte last came, or the request began to go out.
    private var lastActivity: EventLoop.Instant = .now
    /// A limit was seen to be over; see `HTTPClient.clockStruck`.
    var isSuspect = false
    private var bytesSentBefore: Int64 = 0
    private let loop: EventLoop
    /// Declared after `easy`, and so let go after it: the handle uses the share and the sockets.
    private let house: House

    init(slot: Int, loop: EventLoop, house: House) throws(HTTPError) {
        guard let easy = EasyHandle() else {
            throw HTTPError(
                reason: .library(CURLE_OUT_OF_MEMORY.text),
                requestMayHaveBeenSent: false
            )
        }
        self.easy = easy
        self.loop = loop
        self.house = house
        id = ID(slot: slot, serial: 0)
        do throws(HTTPError.Setting) {
            try setConstants()
        } catch {
            throw error.error
        }
    }

    var mayHaveBeenSent: Bool { sendings > 0 }
    /// 0 before the first status line.
    var status: Int { arriving.status }
    var headIsComplete: Bool { arriving.isComplete }

    var isStreamed: Bool { if case .streamed = delivery { true } else { false } }
}

// MARK: - Before

extension Transfer {
    /// What never changes from one request to the next, so that a used handle needs no reset.
    private func setConstants() throws(HTTPError.Setting) {
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        let options = house.options
        try unsafe easy.set(CURLOPT_PRIVATE, me)
        try unsafe easy.set(CURLOPT_WRITEDATA, me)
        try unsafe easy.set(CURLOPT_HEADERDATA, me)
        try unsafe easy.set(CURLOPT_PREREQDATA, me)
        try unsafe easy.check(
            ccurl_set_write(easy.pointer, CURLOPT_WRITEFUNCTION, transferBodyArrived)
        )
        try unsafe easy.check(
            ccurl_set_write(easy.pointer, CURLOPT_HEADERFUNCTION, transferHeadArrived)
        )
        try unsafe easy.check(ccurl_set_prerequest(easy.pointer, transferWillSend))

        let sockets = unsafe Unmanaged.passUnretained(house.sockets).toOpaque()
        try unsafe easy.set(CURLOPT_OPENSOCKETDATA, sockets)
        try unsafe easy.set(CURLOPT_CLOSESOCKETDATA, sockets)
        try unsafe easy.check(ccurl_set_open_socket(easy.pointer, socketOpen))
        try unsafe easy.check(ccurl_set_close_socket(easy.pointer, socketClose))

        try unsafe easy.set(CURLOPT_SHARE, house.share.pointer)
        try easy.set(CURLOPT_NOSIGNAL, 1)
        // A cancelled look-up must not wait for its thread: that can take as long as DNS likes.
        try easy.set(CURLOPT_QUICK_EXIT, 1)
        try easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
        try easy.set(CURLOPT_FOLLOWLOCATION, 0)
        try easy.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        // Empty, not unset: unset means the environment's `http_proxy` and its like.
        try easy.set(CURLOPT_PROXY, "")
        try easy.set(
            CURLOPT_HTTP_VERSION,
            Int(options.offersHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        )
        try easy.set(CURLOPT_SSL_VERIFYPEER, 1)
        try easy.set(CURLOPT_SSL_VERIFYHOST, 2)
        try easy.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let caFile = options.caFile {
            try easy.set(CURLOPT_CAINFO, caFile)
            try easy.clear(CURLOPT_CAPATH)
        }
        try easy.set(CURLOPT_USERAGENT, options.userAgent)
        try easy.set(CURLOPT_TCP_NODELAY, 1)
        try easy.set(CURLOPT_TCP_KEEPALIVE, 1)
        try easy.set(CURLOPT_BUFFERSIZE, HTTPClient.Limits.receiveBufferBytes)
        try easy.set(CURLOPT_UPLOAD_BUFFERSIZE, HTTPClient.Limits.sendBufferBytes)
        try easy.set(CURLOPT_MAXAGE_CONN, Int(options.idleConnectionLife.components.seconds))
        try easy.set(CURLOPT_MAXLIFETIME_CONN, Int(options.connectionLife.components.seconds))
    }

    /// Options that outlast a request, as they were set last.
    private struct Told {
        var url: String?
        var connect: Duration?
        var responseBytesMax: Int?
        /// The method, of requests with a body.
        var postMethod: String?
    }

    /// Makes this transfer that of `request`.
    func prepare(_ request: HTTPRequest, serial: UInt64) throws(HTTPError) {
        id = ID(slot: id.slot, serial: serial)
        self.request = request
        startedAt = loop.now
        headerList = try HeaderList(
            request.headers,
            endingIn: request.constantHeaders ?? house.noHeaders
        )
        var told = told
        // Should this fail halfway, the next request says everything again.
        self.told = Told()
        if told.url != request.url { try check(request.url) }
        guard request.method == told.postMethod || request.method.isHeaderName else {
            throw HTTPError(reason: .badRequest("the method"), requestMayHaveBeenSent: false)
        }
        do throws(HTTPError.Setting) {
            try unsafe easy.set(CURLOPT_HTTPHEADER, headerList?.pointer)
            try set(url: request.url, &told)
            try setMethod(request, &told)
            try set(limits: request.limits, &told)
        } catch {
            throw error.error
        }
        // curl has its own copy.
        self.request?.body = nil
        self.told = told
    }

    private func check(_ url: String) throws(HTTPError) {
        // curl would guess a scheme where there is none, and stop reading at a NUL.
        guard url.hasScheme("http://") || url.hasScheme("https://"), !url.utf8.contains(0) else {
            throw HTTPError(reason: .badURL, requestMayHaveBeenSent: false)
        }
    }

    private func set(url: String, _ told: inout Told) throws(HTTPError.Setting) {
        guard url != told.url else { return }
        try easy.set(CURLOPT_URL, url)
        // Under TLS, wait for a connection that may turn out to be HTTP/2 rather than open one
        // more. Without TLS that would only be known from the first whole answer.
        let mayBeHTTP2 = house.options.offersHTTP2 && url.hasScheme("https://")
        try easy.set(CURLOPT_PIPEWAIT, mayBeHTTP2 ? 1 : 0)
        told.url = url
    }

    private func set(limits: HTTPLimits, _ told: inout Told) throws(HTTPError.Setting) {
        if limits.connect != told.connect {
            // curl shares this limit out among a name's addresses. The client keeps it too, since
            // curl does not for those who wait for another's connection; and it keeps the others,
            // since curl counts silence in whole seconds only.
            try easy.set(
                CURLOPT_CONNECTTIMEOUT_MS,
                max(1, Int(limits.connect / .milliseconds(1)))
            )
            told.connect = limits.connect
        }
        if limits.responseBytesMax != told.responseBytesMax {
            // Refuses by Content-Length, before the first byte of the body.
            try easy.set(
                CURLOPT_MAXFILESIZE_LARGE,
                offset: Int64(max(1, limits.responseBytesMax))
            )
            told.responseBytesMax = limits.responseBytesMax
        }
    }

    private func setMethod(
        _ request: HTTPRequest,
        _ told: inout Told
    ) throws(HTTPError.Setting) {
        if let body = request.body, request.method == told.postMethod {
            return try easy.setBody(body)
        }
        told.postMethod = nil
        // The order counts: each of these also undoes what an earlier request had set.
        try easy.set(CURLOPT_HTTPGET, 1)
        if let body = request.body {
            try easy.setBody(body)
            told.postMethod = request.method
        } else if request.method == "HEAD" {
            try easy.set(CURLOPT_NOBODY, 1)
        } else if request.method != "GET" {
            try easy.setBody([])
        }
        switch request.method {
        case "GET" where request.body == nil, "HEAD" where request.body == nil, "POST":
            try easy.clear(CURLOPT_CUSTOMREQUEST)
        default:
            try easy.set(CURLOPT_CUSTOMREQUEST, request.method)
        }
    }
}

// MARK: - Meanwhile (called by curl, inside its functions)

extension Transfer {
    /// curl has a connection and is about to write the request to it. False makes it stop.
    func willSend() -> Bool {
        if let request, request.limits.deadline <= loop.now {
            // Nobody would wait for the answer, and somebody would pay for it.
            refusal = .timedOut(.total)
            return false
        }
        sendings += 1
        lastActivity = loop.now
        guard sendings > 1, request?.isRepeatable == false else { return true }
        // The kept connection took the request and died. Whether the work was done nobody knows.
        refusal = .connectionLost(bytesReceived: 0)
        return false
    }

    /// One line of the head, or of the trailers, which are passed over. False makes curl stop.
    func headArrived(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        let now = loop.now
        lastActivity = now
        switch unsafe arriving.take(line) {
        case .goesOn: return true
        case .isComplete:
            noteAwake()
            return true
        case .isTooLarge:
            refusal = .responseTooLarge(limitBytes: HTTPClient.Limits.headBytesMax)
            return false
        }
    }

    enum Verdict {
        case taken
        case full
        case refused
    }

    /// Some of the body. `full` makes curl keep the bytes and stop reading until it is told.
    func bodyArrived(_ bytes: UnsafeBufferPointer<UInt8>) -> Verdict {
        guard let request else { return .refused }
        lastActivity = loop.now
        if case .streamed(let stream) = delivery, body.count >= stream.bufferBytesMax {
            isPaused = true
            return .full
        }
        guard bodyBytes + bytes.count <= request.limits.responseBytesMax else {
            refusal = .responseTooLarge(limitBytes: request.limits.responseBytesMax)
            return .refused
        }
        if body.isEmpty, bodyBytes == 0, !isStreamed {
            body.reserveCapacity(expectedBytes(atLeast: bytes.count))
        }
        bodyBytes += bytes.count
        unsafe body.append(contentsOf: bytes)
        noteAwake()
        return .taken
    }

    /// What the server announced, as far as it is believed before it has come.
    private func expectedBytes(atLeast count: Int) -> Int {
        let announced = Int(easy[offset: CURLINFO_CONTENT_LENGTH_DOWNLOAD_T])
        return max(count, min(announced, HTTPClient.Limits.believedBytesMax))
    }

    private func noteAwake() {
        guard isStreamed, !isListedAwake, let shard else { return }
        isListedAwake = true
        shard.awake.append(self)
    }
}

// MARK: - After

extension Transfer {
    var head: HTTPResponseHead {
        HTTPResponseHead(
            status: status,
            version: HTTPVersion(of: easy),
            headers: HTTPHeaders(lines: arriving.lines)
        )
    }

    var response: HTTPResponse {
        HTTPResponse(head: head, body: body, timing: HTTPTiming(of: easy))
    }

    /// What curl's word at the end means; nil for a complete answer.
    func failure(_ code: CURLcode) -> HTTPError? {
        if let refusal {
            return HTTPError(reason: refusal, requestMayHaveBeenSent: mayHaveBeenSent)
        }
        guard code != CURLE_OK else { return nil }
        let reason = HTTPError.Reason(
            code,
            of: easy,
            bytesReceived: bodyBytes,
            limit: request?.limits.responseBytesMax ?? 0
        )
        return HTTPError(reason: reason, requestMayHaveBeenSent: mayHaveBeenSent)
    }

    /// Takes what has come; the reader's buffer is empty after it.
    func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }

    func didResume() {
        isPaused = false
        lastActivity = loop.now
    }

    /// The nearest limit as far as is known now. Silence has none while our own reader is slow.
    var limit: (at: EventLoop.Instant, phase: HTTPError.Phase)? {
        guard let limits = request?.limits else { return nil }
        let phase: HTTPError.Phase
        let end: EventLoop.Instant
        if !mayHaveBeenSent {
            (end, phase) = (startedAt + limits.connect, .connect)
        } else if !isPaused {
            (end, phase) = (lastActivity + limits.stall, status == 0 ? .firstByte : .stall)
        } else {
            return (limits.deadline, .total)
        }
        return limits.deadline <= end ? (limits.deadline, .total) : (end, phase)
    }

    /// When to look at the limits again: not later than the nearest, nor than the first silence
    /// that can be too long, which begins unasked when the request goes out.
    var looksAgainAt: EventLoop.Instant? {
        guard let limit, let stall = request?.limits.stall else { return nil }
        return mayHaveBeenSent ? limit.at : min(limit.at, loop.now + stall)
    }

    /// Bytes of a long request leave without a word from curl; the count tells.
    func noteBytesSent() {
        let sent = easy[offset: CURLINFO_SIZE_UPLOAD_T]
        if sent != bytesSentBefore { lastActivity = loop.now }
        bytesSentBefore = sent
    }

    /// Ready for the next request. Out of its multi already.
    func reset() {
        easy.forgetRequest()
        headerList = nil
        request = nil
        delivery = .none
        shard = nil
        arriving = ArrivingHead()
        body = []
        bodyBytes = 0
        isPaused = false
        isListedAwake = false
        isSuspect = false
        refusal = nil
        sendings = 0
        bytesSentBefore = 0
    }
}
