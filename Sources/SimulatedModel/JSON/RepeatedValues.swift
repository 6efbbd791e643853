internal import Synchronization

/// Long values that come again and again, such as a caller's tools, parsed once.
///
/// A caller sends the same schema with every request, and it is most of what it sends. Found by
/// its bytes: what was a whole value once is the same value wherever its bytes stand again.
package final class RepeatedValues: Sendable {
    package struct Entry: Sendable {
        /// As the caller wrote it.
        package let bytes: [UInt8]
        package let value: JSONValue
        /// Without white space between the tokens.
        package let compact: [UInt8]

        package init(bytes: [UInt8], value: JSONValue) {
            self.bytes = bytes
            self.value = value
            compact = Array(value.text.utf8)
        }
    }

    /// The members of a document that are worth keeping.
    package let names: Set<String>

    /// Callers have a schema or two each; more than this many callers at once are not expected.
    private static let countMax = 16
    /// Shorter values are read as fast as they are found.
    private static let bytesMin = 256
    private static let bytesMax = 256 * 1024

    private struct Kept {
        var entries: [Entry] = []
        var oldest = 0
    }
    private let kept = Mutex(Kept())

    package init(names: Set<String>) { self.names = names }

    package func find(at offset: Int, of document: [UInt8]) -> Entry? {
        let entries = kept.withLock { $0.entries }
        return entries.first { entry in
            let end = offset + entry.bytes.count
            return end <= document.count && document[offset..<end] == entry.bytes[...]
        }
    }

    package func keep(_ entry: Entry) {
        // A number's bytes could go on; an object's or an array's end with their bracket.
        switch entry.value {
        case .object, .array: break
        default: return
        }
        guard (Self.bytesMin...Self.bytesMax).contains(entry.bytes.count) else { return }
        kept.withLock { kept in
            if kept.entries.count < Self.countMax {
                kept.entries.append(entry)
            } else {
                kept.entries[kept.oldest] = entry
                kept.oldest = (kept.oldest + 1) % Self.countMax
            }
        }
    }
}
