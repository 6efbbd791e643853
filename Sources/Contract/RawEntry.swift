/// One stream entry as it was read: whose, which, and bytes that nobody has looked at.
package struct RawEntry: Sendable {
    package let queue: Queue
    package let id: EntryID
    /// Names and values in turn, as Redis gives them; an even number.
    package let fields: [[UInt8]]
    /// Bytes that were not read, because the entry is larger than any answer of Redis that we take.
    package let bytesLeftOut: Int
    /// When it was read, an order stood that took it back: all that is left to do is to say so.
    package var isTakenBack = false

    package init(queue: Queue, id: EntryID, fields: [[UInt8]], bytesLeftOut: Int = 0) {
        self.queue = queue
        self.id = id
        self.fields = fields
        self.bytesLeftOut = bytesLeftOut
    }

    /// Bytes of names and values: what holding this entry costs, without the array around it.
    package var byteCount: Int { fields.reduce(0) { $0 + $1.count } }

    /// Whether it asks for usage, as far as a look at its type tells.
    package var asksForUsage: Bool { first("type")?.equals("usage") == true }

    /// The value of the first field of that name. Who must know of a second one asks `RequestEntry`.
    package func first(_ name: StaticString) -> [UInt8]? {
        var index = 0
        while index + 1 < fields.count {
            if fields[index].equals(name) { return fields[index + 1] }
            index += 2
        }
        return nil
    }
}

extension [UInt8] {
    package func equals(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { theirs in
            unsafe count == theirs.count && elementsEqual(theirs)
        }
    }
}
