/// Why a document, or one value in it, was refused.
///
/// It names places and expectations, never content: a reader's error may be logged or sent back.
/// The pointer does hold keys, which come from the document when the document's own keys are read.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// Not JSON as RFC 8259 has it.
        case syntax
        /// Not UTF-8, or an escaped surrogate without its partner.
        case utf8
        /// More levels, or more bytes, than the limits allow.
        case tooDeep, tooLarge
        /// An object holds the same key twice, so what it means depends on who reads it.
        case duplicateKey
        /// A required member is not there.
        case missing
        /// Another kind of value than the one asked for.
        case wrongType
        /// The right kind, but too great or too small.
        case outOfRange
        /// The right kind, but not one of the values allowed.
        case notAllowed
        /// No memory could be had. Says nothing about the document.
        case outOfMemory
    }

    package let code: Code
    /// Where, as a JSON Pointer (RFC 6901); empty for the whole document. Of a place whose pointer
    /// is longer than `pointerBytesMax`, the nearest ancestor with a shorter one.
    package let pointer: String
    /// What was expected there: “expected a number”, “is required”.
    package let expectation: String

    /// Far more than a contract's deepest field needs, and little enough for a log line.
    package static let pointerBytesMax = 512

    package init(_ code: Code, at pointer: String = "", _ expectation: String) {
        self.code = code
        self.pointer = pointer
        self.expectation = expectation
    }

    static func tooDeep(_ depthMax: Int) -> JSONError {
        JSONError(.tooDeep, "expected at most \(depthMax) levels of nesting")
    }

    /// `/market_context/current_price: expected a number`.
    package var description: String {
        pointer.isEmpty ? "document: \(expectation)" : "\(pointer): \(expectation)"
    }
}

/// Appends one reference token to a JSON Pointer, or answers false when it would grow too long.
func append(token: some StringProtocol, to pointer: inout String) -> Bool {
    guard pointer.utf8.count + 1 + token.utf8.count <= JSONError.pointerBytesMax else {
        return false
    }
    pointer += "/"
    for scalar in token.unicodeScalars {
        switch scalar {
        case "~": pointer += "~0"
        case "/": pointer += "~1"
        default: pointer.unicodeScalars.append(scalar)
        }
    }
    return true
}
