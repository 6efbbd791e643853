import Options
import Pipeline
import Policy
import TestSupport
import Testing

/// The approval level in force: the lower of the user's profile and his request.
struct ApprovalTests {
    private func offered(profile: Int?, request: Int?) async throws -> [Int] {
        let bench = Bench(streams: FakeStreams(tier: .enterprise, approvalLevel: profile))
        var payload = soundPayload.replacing("bullish", with: "neutral")
        if let request {
            payload = payload.replacing(
                "\"equity_usd\"",
                with: "\"approval_level\":\(request),\"equity_usd\""
            )
        }
        _ = try await bench.answer(payload)
        return (bench.model.asked.first?.question.candidates ?? []).map(\.classification.level)
    }

    @Test(arguments: [(2, nil), (2, 4), (4, 2), (nil, 2), (2, 2)] as [(Int?, Int?)])
    func `nothing above the lower of profile and request is offered`(
        profile: Int?,
        request: Int?
    )
        async throws
    {
        #expect(try await offered(profile: nil, request: nil).max() == 3, "else this shows nothing")
        #expect(try await offered(profile: profile, request: request).allSatisfy { $0 <= 2 })
    }

    @Test func `a profile gives nobody more than his request asks`() async throws {
        let both = try await offered(profile: 4, request: 3)
        #expect(both.max() == 3)
    }

    @Test func `what a profile approves is as good as said, where the rule asks for it`()
        async throws
    {
        func coverage(_ profile: Int?) async throws -> String {
            let bench = Bench(streams: FakeStreams(tier: .premium, approvalLevel: profile))
            let answer = try await bench.answer()
            return (answer["validation"] as? [String: Any])?["coverage"] as? String ?? ""
        }
        let count = { (text: String) in Int(text.prefix { $0.isNumber }) ?? 0 }
        let (without, with) = (count(try await coverage(nil)), count(try await coverage(3)))
        #expect(with == without + 1, "one rule more could be looked at")
    }
}
