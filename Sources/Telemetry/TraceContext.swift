/// Where a request stands in a trace that began elsewhere: W3C Trace Context, level 1
/// (<https://www.w3.org/TR/trace-context-1/>). Ours to carry on, never to judge: what does not
/// parse is ignored, as the recommendation asks.
package struct TraceContext: Sendable, Hashable {
    /// 128 bits that name the whole trace; never all zero.
    package struct TraceID: Sendable, Hashable {
        fileprivate let high: UInt64
        fileprivate let low: UInt64
    }

    package let trace: TraceID
    /// The span that speaks: `parent-id` in the recommendation's words; never zero.
    package let span: UInt64
    /// Whether the caller may have recorded the trace. The only flag that level 1 defines; it
    /// asks for all others to be sent as zero.
    package let sampled: Bool
    /// The vendors' list, passed on as it came but for what `Tracestate` drops; empty for none.
    package let state: Tracestate

    /// Reads the two headers. Nil when `traceparent` is invalid; an invalid `tracestate` is
    /// dropped and leaves the rest standing.
    package init?(traceparent: Span<UInt8>, tracestate: Span<UInt8>? = nil) {
        // 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
        // 0  3                                36               53, 55 bytes
        guard traceparent.count >= 55,
            let version = Hex.value(of: traceparent, in: 0..<2), version != 0xff,
            Self.isDash(traceparent, 2), Self.isDash(traceparent, 35), Self.isDash(traceparent, 52),
            let high = Hex.value(of: traceparent, in: 3..<19),
            let low = Hex.value(of: traceparent, in: 19..<35), high | low != 0,
            let span = Hex.value(of: traceparent, in: 36..<52), span != 0,
            let flags = Hex.value(of: traceparent, in: 53..<55)
        else { return nil }
        // A version from the future may go on after a dash; ours ends here.
        if traceparent.count > 55 {
            guard version != 0, Self.isDash(traceparent, 55) else { return nil }
        }
        trace = TraceID(high: high, low: low)
        self.span = span
        sampled = flags & 1 == 1
        state =
            if let tracestate, let parsed = Tracestate(tracestate) { parsed } else { Tracestate() }
    }

    package init?(traceparent: String, tracestate: String? = nil) {
        // A Span cannot stand in an optional's map, so the two ways are written out.
        if let tracestate {
            self.init(traceparent: traceparent.utf8.span, tracestate: tracestate.utf8.span)
        } else {
            self.init(traceparent: traceparent.utf8.span)
        }
    }

    private init(trace: TraceID, span: UInt64, sampled: Bool, state: Tracestate) {
        self.trace = trace
        self.span = span
        self.sampled = sampled
        self.state = state
    }

    /// Begins a trace of our own, for a request that came without one.
    package static func start(
        sampled: Bool,
        using dice: inout some RandomNumberGenerator
    ) -> TraceContext {
        // Only all 128 bits zero would be invalid, so one half that is not suffices.
        let trace = TraceID(high: dice.next(), low: nonzero(using: &dice))
        return TraceContext(
            trace: trace,
            span: nonzero(using: &dice),
            sampled: sampled,
            state: Tracestate()
        )
    }

    /// The same trace with a new span: what to send to whom we call.
    package func child(using dice: inout some RandomNumberGenerator) -> TraceContext {
        TraceContext(
            trace: trace,
            span: Self.nonzero(using: &dice),
            sampled: sampled,
            state: state
        )
    }

    /// The `traceparent` to send, always in version 00: `00-<trace>-<span>-<flags>`.
    package var traceparent: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(55)
        bytes.append(contentsOf: "00-".utf8)
        Hex.append(trace.high, to: &bytes)
        Hex.append(trace.low, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Hex.append(span, to: &bytes)
        bytes.append(contentsOf: sampled ? "-01".utf8 : "-00".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The `tracestate` to send; nil when there is none, as an empty header should not be sent.
    package var tracestate: String? { state.isEmpty ? nil : state.description }

    private static func nonzero(using dice: inout some RandomNumberGenerator) -> UInt64 {
        while true {
            let drawn: UInt64 = dice.next()
            if drawn != 0 { return drawn }
        }
    }

    private static func isDash(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
        bytes[index] == UInt8(ascii: "-")
    }
}

extension TraceContext.TraceID: CustomStringConvertible {
    /// 32 lowercase hexadecimal digits, as logs show it in `trace_id`.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        Hex.append(high, to: &bytes)
        Hex.append(low, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
