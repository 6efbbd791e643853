import Telemetry
import TestSupport
import Testing

/// The cases are those of the recommendation and of its test suite, `w3c/trace-context/test`.
@Suite struct TraceContextTests {
    private static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `the recommendation's example is read and written as it stands`() throws {
        let context = try #require(TraceContext(traceparent: Self.valid))
        #expect(context.trace.description == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.span == 0xb7ad_6b71_6920_3331)
        #expect(context.sampled)
        #expect(context.traceparent == Self.valid)
        #expect(context.tracestate == nil)
    }

    @Test(arguments: [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        // Version 00 ends with its flags.
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings",
        // Version ff is forbidden, and half a version is none.
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ".0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        // A future version may go on, but only after a dash.
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what-the-future-brings",
        // All zero.
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        // Not lowercase hexadecimal.
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
        "00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-.7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-.0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0G",
        // Of the wrong length, or without its dashes.
        "00-0af7651916cd43dd8448eb211c80319c0-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033311-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ])
    func `an invalid traceparent is none`(header: String) {
        #expect(TraceContext(traceparent: header, tracestate: "foo=1") == nil)
    }

    @Test(arguments: [
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings",
    ])
    func `a future version is read as far as we know it and goes on as version 00`(
        header: String
    ) throws {
        #expect(try #require(TraceContext(traceparent: header)).traceparent == Self.valid)
    }

    @Test(arguments: [("00", "00"), ("01", "01"), ("fe", "00"), ("ff", "01"), ("02", "00")])
    func `of the flags only sampled goes on`(given: String, sent: String) throws {
        let header = Self.valid.dropLast(2) + given
        let context = try #require(TraceContext(traceparent: String(header)))
        #expect(context.traceparent.hasSuffix("-" + sent))
    }

    @Test(arguments: [
        ("foo=1", "foo=1"),
        ("foo=1,bar=2", "foo=1,bar=2"),
        ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        ("foo=1,", "foo=1"),
        (" , foo=1,,bar=2", "foo=1,bar=2"),
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("fw529a3039@dt=FfAA,0tenant@sys=1", "fw529a3039@dt=FfAA,0tenant@sys=1"),
        ("a_b-c*d/e0=1", "a_b-c*d/e0=1"),
        ("foo=in side", "foo=in side"),
        // The most recent stands first and stays.
        ("foo=1,bar=2,foo=3", "foo=1,bar=2"),
    ])
    func `a valid tracestate goes on`(header: String, sent: String) throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: header))
        #expect(context.tracestate == sent)
    }

    @Test(arguments: [
        "", " ", ",", "foo", "foo=", "=1", "foo =1", "FOO=1", "foo.bar=1", "0foo=1", "foo@=1",
        "@foo=1", "foo@@bar=1", "foo@0bar=1", "foo=bar=baz", "foo=1,bar", "foo=\u{1}", "foo=é",
        "foo=\u{7f}",
        String(repeating: "z", count: 257) + "=1",
        String(repeating: "t", count: 242) + "@v=1",
        "t@" + String(repeating: "v", count: 15) + "=1",
        "foo=" + String(repeating: "v", count: 257),
        (0..<33).map { "bar\($0)=1" }.joined(separator: ","),
    ])
    func `an invalid tracestate is dropped and the trace stays`(header: String) throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: header))
        #expect(context.traceparent == Self.valid)
        #expect(context.tracestate == nil)
    }

    @Test(arguments: [
        String(repeating: "z", count: 256) + "=1",
        String(repeating: "t", count: 241) + "@" + String(repeating: "v", count: 14) + "=1",
        "foo=" + String(repeating: "v", count: 256),
        (0..<32).map { "bar\($0)=1" }.joined(separator: ","),
    ])
    func `a tracestate at its limits goes on`(header: String) throws {
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: header))
        #expect(context.tracestate == header)
    }

    @Test func `too long a list loses its long members first, then its oldest`() throws {
        let long = "long=" + String(repeating: "v", count: 150)
        let short = (0..<20).map { "k\($0)=" + String(repeating: "v", count: 25) }
        let header = ([long] + short).joined(separator: ",")
        let context = try #require(TraceContext(traceparent: Self.valid, tracestate: header))
        let sent = try #require(context.tracestate)
        #expect(sent.utf8.count <= Tracestate.Limits.bytesMax)
        #expect(short.joined(separator: ",").hasPrefix(sent))
        #expect(sent.split(separator: ",").count == 17)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `a child keeps the trace and gets a span of its own`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        let parent = try #require(TraceContext(traceparent: Self.valid, tracestate: "foo=1"))
        let child = parent.child(using: &dice)
        #expect(child.trace == parent.trace)
        #expect(child.span != parent.span)
        #expect(child.tracestate == "foo=1")
        #expect(TraceContext(traceparent: child.traceparent, tracestate: "foo=1") == child)
        let fresh = TraceContext.start(sampled: false, using: &dice)
        #expect(TraceContext(traceparent: fresh.traceparent) == fresh, "replay with seed \(seed)")
    }

    @Test func `an id of zero is drawn again`() {
        var loaded = LoadedDice(draws: [7, 0, 9, 0, 0, 3])
        let context = TraceContext.start(sampled: true, using: &loaded)
        #expect(
            context.traceparent == "00-00000000000000070000000000000009-0000000000000003-01"
        )
    }
}

/// Falls as it was told to.
private struct LoadedDice: RandomNumberGenerator {
    var draws: [UInt64]
    mutating func next() -> UInt64 { draws.removeFirst() }
}
