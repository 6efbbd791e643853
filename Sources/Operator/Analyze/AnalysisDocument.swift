import Desk
import JSON
import Options

/// Why a document was not analysed: a code for programs, a sentence that names the field.
struct AnalysisRefusal: Error {
    let code: String
    let message: String

    static let tooLong = AnalysisRefusal(JSONError(.tooLarge, AnalysisReader.sizeExpected))

    init(_ error: AnalysisError) {
        code = error.code.rawValue
        message = error.message
    }

    init(_ error: JSONError) {
        code =
            switch error.code {
            case .syntax, .utf8: "invalid_json"
            case .tooDeep: "too_deep"
            case .tooLarge: "too_large"
            case .duplicateKey: "duplicate_key"
            case .missing: "missing"
            case .wrongType: "wrong_type"
            case .outOfRange: "out_of_range"
            case .notAllowed: "not_allowed"
            case .outOfMemory: "out_of_memory"
            }
        message = error.description
    }

    /// `{"error":{"code","message"}}`, and the end of the line.
    var line: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 128)
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.field("code", code)
        writer.field("message", message)
        writer.endObject()
        writer.endObject()
        return writer.finish() + [UInt8(ascii: "\n")]
    }
}

/// Reads documents one after another, and has them analysed.
struct AnalysisReader: ~Copyable {
    /// The most that the parser reads; some 100,000 legs.
    static let documentBytesMax = JSONLimits.documentBytesMax
    static let sizeExpected = "expected at most \(documentBytesMax) bytes"

    private var parser = JSONParser(limits: JSONLimits(bytesMax: documentBytesMax))

    mutating func analyse(
        _ document: [UInt8]
    ) throws(AnalysisRefusal) -> (request: AnalysisRequest, analysis: Analysis) {
        let request: AnalysisRequest
        do throws(JSONError) {
            request = try AnalysisRequest(parser.parse(document))
        } catch {
            let place = error.pointer.isEmpty ? Misfit.pointer(in: document) : nil
            throw AnalysisRefusal(
                place.map { JSONError(error.code, at: $0, error.expectation) } ?? error
            )
        }
        do throws(AnalysisError) {
            return (request, try Analyst.analyse(request))
        } catch {
            throw AnalysisRefusal(error)
        }
    }
}

extension AnalysisRequest {
    /// What the document does not say has the value that it has by default; unknown members are
    /// passed over.
    init(_ document: JSONValue) throws(JSONError) {
        let body = try document.object()
        self.init(
            symbol: try body.optional("symbol")?.string(),
            spot: try body.required("spot").double(),
            asOf: try body.optional("as_of")?.instant(),
            rate: try body.optional("rate")?.double() ?? 0,
            dividendYield: try body.optional("dividend_yield")?.double() ?? 0,
            volatility: try body.optional("volatility")?.double(),
            style: try body.optional("style")?.choice() ?? .european,
            legs: try body.required("legs").array().map(Leg.init)
        )
    }
}

extension AnalysisRequest.Leg {
    init(_ document: JSONValue) throws(JSONError) {
        let body = try document.object()
        let kind: DraftLeg.Kind = try body.required("instrument").choice()
        self.init(
            action: try body.required("action").choice(),
            kind: kind,
            strike: kind == .stock ? nil : try body.optional("strike")?.double(),
            expiry: try body.optional("expiry")?.date(),
            years: try body.optional("years")?.double(),
            quantity: Int(try body.required("quantity").int64()),
            multiplier: try (body.optional("multiplier")?.int64()).map(Int.init),
            price: try body.optional("price")?.double(),
            volatility: try body.optional("volatility")?.double()
        )
    }
}

extension JSONValue {
    fileprivate func instant() throws(JSONError) -> UTCInstant {
        guard let instant = UTCInstant(try string()) else {
            throw error(.notAllowed, "expected a time, as 2026-11-23T15:00:00Z")
        }
        return instant
    }

    fileprivate func date() throws(JSONError) -> CivilDate {
        guard let date = CivilDate(try string()) else {
            throw error(.notAllowed, "expected a date, as 2026-12-18")
        }
        return date
    }
}

extension Analysis {
    /// The analysis as one object, and the end of the line.
    var line: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512 + 256 * legs.count)
        writer.beginObject()
        writer.field("name", name.rawValue)
        writer.field("level", level)
        writer.field("risk", risk.rawValue)
        writer.field("model", model)
        writer.field("net_premium_usd", netPremiumUSD)
        writer.field("max_profit_usd", orNull: maxProfitUSD)
        writer.field("max_loss_usd", orNull: maxLossUSD)
        writer.key("breakevens")
        writer.beginArray()
        for breakeven in breakevens { writer.value(breakeven) }
        writer.endArray()
        writer.key("zero_intervals")
        writer.beginArray()
        for interval in zeroIntervals {
            writer.beginArray()
            writer.value(interval.low)
            writer.value(orNull: interval.high)
            writer.endArray()
        }
        writer.endArray()
        writer.field("probability_of_profit", orNull: probabilityOfProfit)
        writer.field("expected_value_usd", orNull: expectedValueUSD)
        writer.key("greeks")
        if let greeks {
            writer.beginObject()
            writer.fields(greeks)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.field("margin_usd", orNull: margin.usd)
        writer.key("legs")
        writer.beginArray()
        for leg in legs { leg.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.finish() + [UInt8(ascii: "\n")]
    }
}

extension Analysis.Leg {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("symbol")
        if let symbol { writer.value(symbol) } else { writer.null() }
        writer.field("price", price)
        writer.field("intrinsic", intrinsic)
        writer.field("implied_volatility", orNull: impliedVolatility)
        if let failure = impliedVolatilityError {
            writer.field("implied_volatility_error", failure.rawValue)
        }
        writer.fields(greeks)
        writer.endObject()
    }
}

extension JSONWriter {
    /// The five Greeks; null each where there are none.
    fileprivate mutating func fields(_ greeks: Greeks?) {
        field("delta", orNull: greeks?.delta)
        field("gamma", orNull: greeks?.gamma)
        field("theta_per_day", orNull: greeks?.thetaPerDay)
        field("vega_per_point", orNull: greeks?.vegaPerPoint)
        field("rho_per_point", orNull: greeks?.rhoPerPoint)
    }

    fileprivate mutating func field(_ key: StaticString, orNull number: Double?) {
        self.key(key)
        value(orNull: number)
    }

    fileprivate mutating func value(orNull number: Double?) {
        if let number { value(number) } else { null() }
    }
}
