// JSON: bytes from outside read as typed values that can say where they are wrong, and bytes written.
// Belongs here: parsing by simdjson, typed accessors, JSON Pointers in errors, an appending writer.
// Does not: the names or rules of any document, `Codable`, files, sockets.
//
// Reading, in this order:
//     JSONParser   owns the C parser; `parse` turns bytes within `JSONLimits` into a value
//     JSONValue    one value: its kind, or a Swift value of the type asked for
//     JSONObject   its members, asked for by key: `required`, `optional`, or in order
//     JSONArray    its elements, in order
//     JSONError    what is wrong, as a code, a pointer and a sentence
// Writing:
//     JSONWriter   appends to bytes; also a value read before, as it was or in canonical form

/// What a parser accepts at most. A document beyond it is refused, never cut.
package struct JSONLimits: Sendable, Hashable {
    /// The longest document, in bytes.
    package let bytesMax: Int
    /// The deepest nesting of arrays and objects. A bare number has depth 0, `[[]]` has 2.
    package let depthMax: Int

    /// No parser reads more: offsets and counts are kept in 24 bits, and 16 MiB of brackets is
    /// 128 MiB of words, the most one document may take for a moment.
    package static let documentBytesMax = 16 * 1024 * 1024 - 1
    /// Serialising recurses once a level, at some 300 bytes of stack each: 300 KiB.
    package static let documentDepthMax = 1_024

    /// 1 MiB holds every answer of a model; 64 levels are ten times what any contract of ours has.
    package static let standard = JSONLimits(bytesMax: 1024 * 1024, depthMax: 64)

    /// Values outside what this target can do at all are brought within it.
    package init(bytesMax: Int, depthMax: Int = 64) {
        self.bytesMax = min(max(bytesMax, 0), Self.documentBytesMax)
        self.depthMax = min(max(depthMax, 0), Self.documentDepthMax)
    }
}
