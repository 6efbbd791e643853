import Foundation
import Gateways
import TestSupport
import Testing

/// What must not come back of our instructions, and as whom a provider knows a user.
struct ContainmentTests {
    private static let instructions = Array(
        """
        You are the strategy writer of an options desk. You help one reader, who knows options, to \
        choose one options strategy on one underlying. Say no number that is not in the facts.
        """.utf8
    )
    private let secrets = Containment.Secrets(instructions)

    private func containment(_ seed: UInt64 = 1, secret: String = "sk-1") -> Containment {
        var dice = Dice(seed: seed)
        return Containment(secret: Array(secret.utf8), dice: &dice)
    }

    private func leak(_ answer: String) -> Containment.Leak? {
        containment().leak(in: Array(answer.utf8), of: secrets)
    }

    private func answer(_ rationale: String) -> String {
        #"{"choice":1,"ranking":[2,3],"reasons":["fits_view"],"adjust":[],"rationale":"\#(rationale)"}"#
    }

    @Test func `an answer on a strategy leaks nothing`() {
        #expect(leak(answer("It fits the view and keeps the loss within the limit.")) == nil)
        #expect(leak(answer("One options strategy on one underlying, for a reader.")) == nil)
        #expect(leak("") == nil)
    }

    @Test func `the canary is found as it is, spaced, in capitals, backwards and in base64`() {
        let canary = containment().canary
        let spaced = canary.map { "\($0)" }.joined(separator: " - ")
        let encoded = Data("x: \(canary)!".utf8).base64EncodedString()
        let aligned = ["", "y", "yz"].map { Data("\($0)\(canary)".utf8).base64EncodedString() }
        for text in [
            canary, String(canary.prefix(13)), spaced, canary.uppercased(),
            String(canary.reversed()), encoded,
        ] + aligned { #expect(leak(answer(text)) == .canary, "\(text)") }
        let escaped = canary.utf8.map { "\\u00" + String($0, radix: 16) }.joined()
        #expect(leak(answer(escaped)) == .canary)
        #expect(leak(answer(String(canary.prefix(8)))) == nil)
    }

    @Test func `a long part of the instructions is found, whatever stands between its letters`() {
        let part = String(decoding: Self.instructions[40..<120], as: UTF8.self)
        #expect(leak(answer(part)) == .instructions)
        #expect(leak(answer(part.uppercased())) == .instructions)
        #expect(leak(answer(part.replacing(" ", with: "\\n"))) == .instructions)
        #expect(leak(answer(part.map { "\($0)." }.joined())) == .instructions)
        #expect(leak(answer(String(part.reversed()))) == .instructions)
        #expect(leak(answer(String(part.prefix(30)))) == nil)
    }

    @Test func `each process has a canary of its own`() {
        #expect(containment(1).canary != containment(2).canary)
        #expect(containment(1).canary.utf8.count == 24)
    }

    @Test func `a user is known by a hash that only this deployment can make`() {
        let (one, other) = (containment(1), containment(2))
        let known = one.identifier(of: "user123")
        #expect(known == other.identifier(of: "user123"))
        #expect(known != one.identifier(of: "user124"))
        #expect(known != containment(secret: "sk-2").identifier(of: "user123"))
        #expect(known.utf8.count == 64 && !known.contains("user"))
    }
}
