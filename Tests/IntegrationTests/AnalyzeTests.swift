import Foundation
import TestSupport
import Testing

/// `strategyctl analyze`, as people and scripts use it.
struct AnalyzeTests {
    private static let call = """
        {"symbol":"SPY","spot":450,"as_of":"2026-11-23T15:00:00Z","rate":0.04,\
        "dividend_yield":0.01,"volatility":0.2,"style":"european","legs":[{"action":"buy",\
        "instrument":"call","strike":450,"expiry":"2026-12-18","quantity":1,"multiplier":100,\
        "price":5.25,"volatility":0.22}]}
        """

    private func analyze(
        _ arguments: [String] = [],
        input: String = ""
    ) throws -> (status: Int32, output: String) {
        let path = try BuiltProducts.url(of: "strategyctl").path
        return try Program.run([path, "analyze"] + arguments, input: input)
    }

    private func object(_ text: some StringProtocol) throws -> [String: Any] {
        let read = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(read as? [String: Any])
    }

    @Test func `one document gives one object, with the members promised`() throws {
        let (status, output) = try analyze(input: Self.call)
        #expect(status == 0)
        let answer = try object(output)
        let members = [
            "name", "level", "risk", "model", "net_premium_usd", "max_profit_usd", "max_loss_usd",
            "breakevens", "zero_intervals", "probability_of_profit", "expected_value_usd",
            "greeks", "margin_usd", "legs",
        ]
        #expect(Set(answer.keys) == Set(members))
        #expect(answer["name"] as? String == "long_call")
        #expect(answer["max_profit_usd"] is NSNull)
        #expect(answer["max_loss_usd"] as? Double == 525)
        #expect(answer["breakevens"] as? [Double] == [455.25])
        let leg = try #require((answer["legs"] as? [[String: Any]])?.first)
        #expect(leg["symbol"] as? String == "SPY   261218C00450000")
        #expect(leg["implied_volatility_error"] == nil)
        #expect(try analyze(["-"], input: Self.call).output == output)
    }

    @Test func `each line gets a line, in order, and what is wrong names its field`() throws {
        let lines = [
            Self.call, "", #"{"spot":1,"legs":[]}"#, #"{"spot":1"#, Self.call,
            #"{"spot":9,"legs":[{"action":"buy","instrument":"call","strike":-1,"years":1,"quantity":1}]}"#,
            #"{"spot":9,"legs":[{"action":"buy","instrument":"stock","quantity":0}]}"#,
            #"{"spot":9,"legs":[{"action":"hold","instrument":"stock","quantity":1}]}"#,
            #"{"spot":9,"legs":[{"action":"buy","instrument":"stock","quantity":NaN}]}"#,
            #"{"spot":1e999,"legs":[]}"#,
        ]
        let (status, output) = try analyze(["--jsonl"], input: lines.joined(separator: "\n"))
        #expect(status == 0)
        let answers = try output.split(separator: "\n").map(object)
        try #require(answers.count == lines.count)
        let errors = answers.map { $0["error"] as? [String: String] }
        let codes = errors.map { $0?["code"] }
        #expect(
            codes == [
                nil, "invalid_json", "no_legs", "invalid_json", nil, "out_of_range",
                "out_of_range", "not_allowed", "invalid_json", "out_of_range",
            ]
        )
        let fields = [
            "/legs/0/strike", "/legs/0/quantity", "/legs/0/action", "/legs/0/quantity", "/spot",
        ]
        for (error, field) in zip(errors.suffix(5), fields) {
            #expect(error?["message"]?.hasPrefix(field) == true)
        }
    }

    @Test func `a document that cannot be analysed is an object, and a status`() throws {
        let (status, output) = try analyze(input: "{}")
        #expect(status == 65)
        let error = try object(output)["error"] as? [String: String]
        #expect(error == ["code": "missing", "message": "/spot: is required"])
        #expect(try analyze(["/nowhere"]).status == 66)
        #expect(try analyze(["--jsonl", "--svg", "x"]).status == 64)
    }

    @Test func `the payoff is drawn as well-formed XML`() throws {
        let folder = try TemporaryDirectory()
        let file = folder.path("payoff.svg")
        #expect(try analyze(["--svg", file], input: Self.call).status == 0)
        let picture = try Data(contentsOf: URL(filePath: file))
        let python = try Python.interpreter(with: [])
        let script = "import sys, xml.dom.minidom as m; m.parse(sys.argv[1])"
        #expect(try Python.run(python, ["-c", script, file]).0 == 0)
        #expect(String(decoding: picture, as: UTF8.self).contains("<polyline"))
    }

    @Test(arguments: ["5e-324", "1e9"])
    func `a picture can be drawn of any size`(spot: String) throws {
        let folder = try TemporaryDirectory()
        let stock = #"{"action":"sell","instrument":"stock","quantity":1000000000}"#
        let document = #"{"spot":\#(spot),"legs":[\#(stock)]}"#
        #expect(try analyze(["--svg", folder.path("p.svg")], input: document).status == 0)
        let picture = try Data(contentsOf: URL(filePath: folder.path("p.svg")))
        #expect(!String(decoding: picture, as: UTF8.self).contains("nan"))
    }

    @Test func `thousands of random documents agree with arithmetic of another kind`() throws {
        let packages = ["QuantLib", "mpmath", "numpy", "scipy"]
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../OptionsTests/Oracle/analyze.py").path
        let program = try BuiltProducts.url(of: "strategyctl").path
        let (status, output) = try Python.run(
            Python.interpreter(with: packages),
            [script, program, "1000"]
        )
        #expect(status == 0, "\(output)")
    }
}
