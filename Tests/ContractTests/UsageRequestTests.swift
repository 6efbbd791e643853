import Contract
import JSON
import Testing

struct UsageRequestTests {
    private static let now: Int64 = 1_795_532_400_000
    private static let day: Int64 = 86_400_000

    private func read(_ body: String) throws(Rejection) -> UsageRequest {
        var parser = JSONParser()
        let document: JSONValue
        do throws(JSONError) {
            document = try parser.parse(Array(body.utf8))
        } catch {
            throw Rejection(error)
        }
        return try UsageRequest(document, nowMs: Self.now)
    }

    @Test func `without a span it is the last day, this millisecond included`() throws {
        let asked = try read(#"{"user_id":"alice","from":null}"#)
        #expect(asked.userID == "alice")
        #expect(asked.toMs == Self.now + 1 && asked.fromMs == Self.now + 1 - Self.day)
    }

    @Test(arguments: [
        (#""from":1795446000000,"to":1795532400000"#, 1_795_446_000_000, 1_795_532_400_000),
        (#""from":"2026-11-24T10:00:00-05:00""#, 1_795_532_400_000, 1_795_532_400_001),
        (#""from":"2026-11-23","to":"2026-11-24""#, 1_795_392_000_000, 1_795_478_400_000),
        (#""to":"2026-11-24T00:00:00.250Z""#, 1_795_391_999_999 + 251, 1_795_478_400_250),
    ])
    func `a span is told in milliseconds, times or days`(
        span: String,
        from: Int64,
        to: Int64
    )
        throws
    {
        let asked = try read(#"{"user_id":"alice",\#(span)}"#)
        #expect(asked.fromMs == from && asked.toMs == to)
    }

    @Test(arguments: [
        ("{}", "/user_id"), (#"{"user_id":""}"#, "/user_id"), ("[]", "payload"),
        (#"{"user_id":"a","from":"soon"}"#, "/from"), (#"{"user_id":"a","to":true}"#, "/to"),
        (#"{"user_id":"a","from":-1}"#, "/from"), (#"{"user_id":"a","to":0}"#, "/to"),
        (#"{"user_id":"a","from":1795532400001}"#, "/from"),
        (#"{"user_id":"a","from":1792854000000,"to":1795532400001}"#, "/from"),
        (#"{"user_id":"a","from":"1969-12-31T23:59:59Z","to":5}"#, "/from"),
    ])
    func `what is wrong is named`(body: String, field: String) {
        let found = #expect(throws: Rejection.self) { try read(body) }
        #expect(found?.code == .invalidRequest && found?.field == field)
    }
}
