package import EventLoop

/// One request, with every limit it lives under.
package struct HTTPRequest: Sendable {
    /// As it goes out: `GET`, `POST`, … Upper case by custom, and not changed.
    package var method: String
    /// Absolute, `http` or `https`, without user and password.
    package var url: String
    /// In this order, after `constantHeaders`. A secret is safe here: no error ever shows a value.
    package var headers: [(name: String, value: String)]
    /// Headers that are the same for many requests, made ready for curl once.
    package var constantHeaders: HTTPConstantHeaders?
    package var body: [UInt8]?
    package var limits: HTTPLimits
    /// True when sending twice does no harm, because of the method or an idempotency key.
    ///
    /// curl sends again, unasked, when a kept connection turns out dead before the first byte of
    /// the answer; for other requests that is `.connectionLost`. It also is when an HTTP/2 server
    /// retires a connection (`GOAWAY`) and has not looked at the request: curl does not tell the
    /// two apart, so the doubtful is taken for the worse.
    package var isRepeatable: Bool

    /// - Parameter isRepeatable: By default true for `GET` and `HEAD` alone.
    package init(
        method: String = "GET",
        url: String,
        headers: [(name: String, value: String)] = [],
        constantHeaders: HTTPConstantHeaders? = nil,
        body: [UInt8]? = nil,
        limits: HTTPLimits,
        isRepeatable: Bool? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.constantHeaders = constantHeaders
        self.body = body
        self.limits = limits
        self.isRepeatable = isRepeatable ?? (method == "GET" || method == "HEAD")
    }
}

/// How long a request may take, and how much may come back.
package struct HTTPLimits: Sendable {
    /// When the whole must be over: name, connection, TLS, request, last byte of the answer.
    package var deadline: EventLoop.Instant
    /// From the start until the request can be written: name, connection and TLS together.
    package var connect: Duration
    /// The longest silence after that: no byte out and none in. Time in which the reader of a
    /// stream is the slow one does not count.
    package var stall: Duration
    /// The body, in bytes as they arrive. The head has its own bound, `HTTPClient.Limits`.
    package var responseBytesMax: Int

    package init(
        deadline: EventLoop.Instant,
        connect: Duration = .seconds(10),
        stall: Duration = .seconds(60),
        responseBytesMax: Int
    ) {
        self.deadline = deadline
        self.connect = connect
        self.stall = stall
        self.responseBytesMax = responseBytesMax
    }
}
