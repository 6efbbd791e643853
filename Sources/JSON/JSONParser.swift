internal import CSimdjson

/// Parses documents one after another, reusing its working memory.
///
/// It belongs to one object on one loop, or to one function: parsing changes it. What it returns
/// is independent of it, holds its own memory, and may go anywhere.
///
/// The corresponding C++ class is `simdjson::dom::parser`.
@safe package struct JSONParser: ~Copyable {
    package let limits: JSONLimits
    /// Made by the first parse, so that making a parser cannot fail.
    private var handle: OpaquePointer?

    /// Documents up to this many bytes leave their working memory for the next one. simdjson needs
    /// about fifteen bytes for one of the document, so a parser keeps 4 MiB at most.
    package static let keptDocumentBytesMax = 256 * 1024

    package init(limits: JSONLimits = .standard) {
        self.limits = limits
        unsafe handle = nil
    }

    deinit { unsafe csimdjson_destroy(handle) }

    /// Parses one document, and checks all of it: what comes back is valid throughout.
    ///
    /// - Parameter bytes: One JSON value in UTF-8, with white space around it and nothing else; no
    ///   byte order mark. They are not needed after the call.
    /// - Returns: The document's value. Integers are exact within 64 bits; a number that fits
    ///   neither those nor a finite double is refused, used or not (`.outOfRange`).
    /// - Throws: `.syntax`, `.utf8`, `.tooDeep`, `.tooLarge`, `.outOfRange`, `.outOfMemory`;
    ///   `.duplicateKey` with the pointer of the first key that is there twice.
    package mutating func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        try parse(bytes.span)
    }

    package mutating func parse(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytesMax else {
            throw JSONError(.tooLarge, "expected at most \(limits.bytesMax) bytes")
        }
        // RFC 8259, 8.1 forbids sending one; simdjson skips it in some releases only.
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw JSONError(.syntax, "expected no byte order mark")
        }
        let parser = unsafe try parserHandle()
        var extent = csimdjson_extent()
        let status = unsafe bytes.withUnsafeBufferPointer {
            unsafe csimdjson_parse(parser, $0.baseAddress, $0.count, &extent)
        }
        defer { unsafe csimdjson_trim(parser, Self.keptDocumentBytesMax) }
        guard status == CSIMDJSON_OK else { throw refusal(status, of: bytes) }
        let document = unsafe JSONDocument(copying: extent, from: parser)
        try document.check(depthMax: limits.depthMax)
        return document.root
    }

    private mutating func parserHandle() throws(JSONError) -> OpaquePointer {
        if let handle = unsafe handle { return unsafe handle }
        guard let created = unsafe csimdjson_create(limits.depthMax) else {
            throw JSONError(.outOfMemory, "no memory for a parser")
        }
        unsafe handle = created
        return unsafe created
    }

    private func refusal(_ status: csimdjson_status, of bytes: Span<UInt8>) -> JSONError {
        switch status {
        case CSIMDJSON_EMPTY: JSONError(.syntax, "expected a value, found nothing")
        case CSIMDJSON_STRING: refusalOfString(in: bytes)
        case CSIMDJSON_UTF8: JSONError(.utf8, "expected UTF-8")
        case CSIMDJSON_DEPTH: .tooDeep(limits.depthMax)
        case CSIMDJSON_MEMORY: JSONError(.outOfMemory, "no memory to parse it")
        case CSIMDJSON_NUMBER, CSIMDJSON_OTHER: refusalOfNumber(in: bytes)
        default: JSONError(.syntax, "expected valid JSON")
        }
    }
}

extension JSONDocument {
    /// Copies the last parsed document out of `parser`, which must have just parsed it.
    fileprivate convenience init(copying extent: csimdjson_extent, from parser: OpaquePointer) {
        // SAFETY: `csimdjson_copy` fills exactly the extent that the parse reported, both arrays.
        var text: [UInt8] = []
        let words = unsafe [UInt64](unsafeUninitializedCapacity: extent.words) { words, wordCount in
            unsafe text = [UInt8](unsafeUninitializedCapacity: extent.text) { bytes, byteCount in
                if let start = words.baseAddress {
                    unsafe csimdjson_copy(parser, start, bytes.baseAddress)
                    wordCount = extent.words
                    byteCount = extent.text
                }
            }
        }
        self.init(words: words, text: text)
    }
}
