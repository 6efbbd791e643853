import Contract
import Foundation
import JSON
import Options
import TestSupport
import Testing

struct RequestTests {
    @Test func `the seed's request is read`() throws {
        let request = try decoded(seedBody)
        #expect(request.userID == "user123")
        #expect(request.intent == "I want a conservative income strategy for SPY")
        #expect(request.market.symbol == "SPY")
        #expect(request.market.currentPrice.dollars == 450)
        #expect(request.market.vix == 18.5)
        #expect(request.market.trend == .bullish)
        #expect(request.portfolio.positions?.map(\.quantity) == [-100])
        #expect(request.portfolio.greeks?.delta == 12.5)
        #expect(request.portfolio.greeks?.gamma == nil)
        #expect(request.preferences.tolerance == .medium)
        #expect(request.preferences.maxLoss == 1_000)
        #expect(request.maxCost == NanoUSD(500_000_000))
        #expect(request.detail == .fast && request.mode == .menu)
    }

    @Test func `what is optional may be absent, and may be null`() throws {
        let least = try decoded(leastBody)
        #expect(least.maxCost == NanoUSD(500_000_000))
        #expect(least.portfolio.positions == nil && least.portfolio.greeks == nil)
        for pointer in Self.optional {
            for json in [nil, "null"] {
                #expect(throws: Never.self, "\(pointer) \(json ?? "absent")") {
                    try decoded(body(with: json, at: pointer))
                }
            }
        }
    }

    @Test func `every field is read`() throws {
        let request = try decoded(fullBody)
        #expect(request.market.symbol == "BRK.B")
        #expect(request.market.currentPrice.micros == 450_123_456)
        #expect(request.market.asOf?.description == "2026-11-23T15:00:00Z")
        #expect(request.market.dividends?.map(\.amount) == [1.75])
        #expect(request.market.events?.map(\.kind) == ["earnings"])
        #expect(request.market.chain.map(\.symbol.description) == ["SPY   261218P00430000"])
        #expect(request.market.chain.first?.openInterest == 1_200)
        #expect(request.portfolio.positions?.first?.greeks?.rho == 5)
        #expect(request.account.approvalLevel == 3)
        #expect(request.account.disclosureDelivered == false)
        #expect(request.account.buyingPower == -1)
        #expect(request.preferences.maxDebit == 500)
        #expect(request.detail == .full && request.mode == .custom)
    }

    @Test(arguments: [
        ("0.57", 570_000_000), ("0.07", 70_000_000), ("1.001", 1_001_000_000), ("0", 0),
        ("0.50", 500_000_000), ("1000000", 1_000_000_000_000_000), ("0.000000001", 1),
    ])
    func `a limit of money is the decimal that was written`(json: String, nanos: Int64) throws {
        #expect(try decoded(body(with: json, at: "/max_cost_usd")).maxCost == NanoUSD(nanos))
    }

    @Test func `what is required is missed by its name`() throws {
        for pointer in Self.required {
            for json in [nil, "null"] {
                let found = try #require(try refusal(json, at: pointer), "\(pointer)")
                #expect(found.code == .invalidRequest)
                #expect(found.field == pointer)
            }
        }
    }

    /// Of each field, something of another type.
    @Test func `a wrong type is told by JSON Pointer`() throws {
        for (pointer, good) in Self.fields {
            let wrong =
                good.hasPrefix("\"") ? ["7", "[]", "true"] : ["\"text\"", "[[]]", "{\"x\":1}"]
            for json in wrong where !(good.hasPrefix("{") && json.hasPrefix("{")) {
                let found = try refusal(json, at: pointer)
                let expected = json == "[[]]" && good.hasPrefix("[") ? pointer + "/0" : pointer
                #expect(found?.field == expected, "\(pointer) \(json)")
                #expect(found?.code == .invalidRequest)
            }
        }
    }

    @Test(arguments: [
        ("/user_id", "\"\""), ("/user_id", "\"a\\u0000b\""), ("/user_id", "\"a\\nb\""),
        ("/user_id", "\"\\u007f\""), ("/user_id", "\"\\u0085\""), ("/user_intent", "\"\""),
        ("/user_intent", "\" \\t\\n\\u00a0\""), ("/market_context/symbol", "\"\""),
        ("/market_context/symbol", "\"1SPY\""), ("/market_context/symbol", "\"SPY SPY\""),
        ("/market_context/symbol", "\"ABCDEFGHIJKLM\""),
        ("/market_context/symbol", "\"\u{017F}PY\""),
        ("/market_context/symbol", "\"\u{0131}BM\""), ("/market_context/symbol", "\"ＳＰＹ\""),
        ("/market_context/current_price", "0"), ("/market_context/current_price", "-1"),
        ("/market_context/current_price", "1e-9"), ("/market_context/current_price", "10000001"),
        ("/market_context/current_price", "1e300"), ("/market_context/vix", "-1"),
        ("/market_context/vix", "1001"), ("/market_context/trend", "\"up\""),
        ("/market_context/trend", "\"Bullish\""), ("/market_context/as_of", "\"yesterday\""),
        ("/market_context/as_of", "\"2026-02-30T00:00:00Z\""),
        ("/market_context/as_of", "\"2026-11-23T15:00:00.12345678901234567890Z\""),
        ("/market_context/iv", "0"), ("/market_context/iv", "21"), ("/market_context/rate", "2"),
        ("/market_context/dividend_yield", "-1.5"),
        ("/market_context/dividends/0/ex_date", "\"2026-13-01\""),
        ("/market_context/dividends/0/amount", "-1"), ("/market_context/events/0/kind", "\"\""),
        ("/market_context/events/0/date", "\"2026-1-1\""),
        ("/market_context/option_chain/0/symbol", "\"SPY\""),
        ("/market_context/option_chain/0/bid", "-0.01"),
        ("/market_context/option_chain/0/open_interest", "1.5"),
        ("/portfolio_context/positions/0/symbol", "\"\""),
        ("/portfolio_context/positions/0/quantity", "1e10"),
        ("/risk_preferences/risk_tolerance", "\"wild\""), ("/risk_preferences/max_loss", "-1"),
        ("/risk_preferences/max_debit_usd", "1e13"), ("/account/approval_level", "0"),
        ("/account/approval_level", "5"), ("/account/approval_level", "2.5"),
        ("/account/odd_delivered", "1"), ("/max_cost_usd", "-0.01"), ("/max_cost_usd", "1000001"),
        ("/detail", "\"slow\""), ("/mode", "\"free\""),
    ])
    func `a value out of its range is told by JSON Pointer`(pointer: String, json: String) throws {
        let found = try #require(try refusal(json, at: pointer))
        #expect(found.code == .invalidRequest)
        #expect(found.field == pointer)
    }

    @Test func `limits count bytes of a user and characters of an intent`() throws {
        let pointer = "/user_id"
        let euro = "\u{20AC}"  // three bytes
        let widest = String(repeating: euro, count: 85) + "x"
        #expect(try refusal("\"\(widest)\"", at: pointer) == nil)
        #expect(try refusal("\"\(widest)x\"", at: pointer)?.field == pointer)
        let longest = String(repeating: "\u{1F600}", count: 2_000)
        #expect(try refusal("\"\(longest)\"", at: "/user_intent") == nil)
        #expect(try refusal("\"\(longest)x\"", at: "/user_intent")?.field == "/user_intent")
    }

    @Test(arguments: ["", "{", "nul", "\"\\ud800\"", "\u{0}", "{}x", "{\"a\":1,\"a\":2}", "[1,]"])
    func `what is no JSON is told of the field payload or the place within it`(text: String) {
        #expect { try decoded(text) } throws: { error in
            let rejection = error as? Rejection
            return rejection?.code == .invalidRequest
                && ["payload", "/a"].contains(rejection?.field)
        }
    }

    @Test func `unknown members are ignored, and members that stand twice are not`() throws {
        #expect(try refusal("{\"x\":[1,2]}", at: "/something_new") == nil)
        let twice = leastBody.replacing(
            "\"user_id\":\"u\"",
            with: "\"user_id\":\"u\",\"user_id\":\"v\""
        )
        #expect { try decoded(twice) } throws: { ($0 as? Rejection)?.field == "/user_id" }
    }

    @Test func `a refusal repeats nothing of what the caller sent but names`() throws {
        let marker = "SECRET-7f3a"
        for (pointer, _) in Self.fields {
            guard let found = try refusal("\"\(marker)\\u0001\"", at: pointer) else { continue }
            #expect(!found.message.contains(marker), "\(pointer)")
        }
    }

    @Test func `a body with any bytes changed is read or refused, and never traps`() {
        var dice = Dice(seed: 5)
        let whole = Array(fullBody.utf8)
        for round in 0..<10_000 {
            var bytes = whole
            for _ in 0...dice.roll(6) { bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256)) }
            if round.isMultiple(of: 3) { bytes.removeLast(dice.roll(bytes.count)) }
            do throws(Rejection) {
                _ = try decoded(bytes)
            } catch {
                #expect(error.field?.isEmpty == false)
            }
        }
    }

    @Test func `numbers of every size in every field are read or refused, and never trap`() throws {
        let numbers = [
            "0", "-0.0", "1e308", "-1e308", "5e-324", "9223372036854775807", "-9223372036854775808",
            "18446744073709551615", "0.1", "-1", "1e15", "123456789.123456789",
        ]
        for (pointer, good) in Self.fields where !good.hasPrefix("\"") {
            for number in numbers { _ = try refusal(number, at: pointer) }
        }
    }

    private func refusal(_ json: String?, at pointer: String) throws -> Rejection? {
        let bytes = try body(with: json, at: pointer)
        do throws(Rejection) {
            _ = try decoded(bytes)
            return nil
        } catch {
            return error
        }
    }

    private static let required = [
        "/user_id", "/user_intent", "/market_context", "/market_context/symbol",
        "/market_context/current_price", "/market_context/dividends/0/ex_date",
        "/market_context/dividends/0/amount", "/market_context/events/0/kind",
        "/market_context/events/0/date", "/market_context/option_chain/0/symbol",
        "/market_context/option_chain/0/bid", "/market_context/option_chain/0/ask",
        "/portfolio_context/positions/0/symbol", "/portfolio_context/positions/0/quantity",
    ]

    private static let optional = fields.map(\.pointer).filter { !required.contains($0) }

    /// Every field of the payload, and JSON of its kind.
    private static let fields: [(pointer: String, good: String)] = [
        ("/user_id", "\"\""), ("/user_intent", "\"\""), ("/market_context", "{}"),
        ("/market_context/symbol", "\"\""), ("/market_context/current_price", "1"),
        ("/market_context/vix", "1"), ("/market_context/trend", "\"\""),
        ("/market_context/as_of", "\"\""), ("/market_context/iv", "1"),
        ("/market_context/rate", "1"), ("/market_context/dividend_yield", "1"),
        ("/market_context/dividends", "[]"), ("/market_context/dividends/0/ex_date", "\"\""),
        ("/market_context/dividends/0/amount", "1"), ("/market_context/events", "[]"),
        ("/market_context/events/0/kind", "\"\""), ("/market_context/events/0/date", "\"\""),
        ("/market_context/option_chain", "[]"), ("/market_context/option_chain/0/symbol", "\"\""),
        ("/market_context/option_chain/0/bid", "1"), ("/market_context/option_chain/0/ask", "1"),
        ("/market_context/option_chain/0/iv", "1"),
        ("/market_context/option_chain/0/open_interest", "1"), ("/portfolio_context", "{}"),
        ("/portfolio_context/positions", "[]"), ("/portfolio_context/positions/0/symbol", "\"\""),
        ("/portfolio_context/positions/0/quantity", "1"),
        ("/portfolio_context/positions/0/average_price", "1"),
        ("/portfolio_context/positions/0/greeks", "{}"),
        ("/portfolio_context/positions/0/greeks/delta", "1"),
        ("/portfolio_context/portfolio_greeks", "{}"),
        ("/portfolio_context/portfolio_greeks/vega", "1"), ("/risk_preferences", "{}"),
        ("/risk_preferences/risk_tolerance", "\"\""), ("/risk_preferences/max_loss", "1"),
        ("/risk_preferences/max_debit_usd", "1"), ("/account", "{}"),
        ("/account/equity_usd", "1"), ("/account/buying_power_usd", "1"),
        ("/account/approval_level", "1"), ("/account/odd_delivered", "true"),
        ("/max_cost_usd", "1"), ("/detail", "\"\""), ("/mode", "\"\""),
    ]
}
