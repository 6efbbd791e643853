internal import JSON

/// Who took a request back.
package struct Cancellation: Equatable, Sendable {
    /// A JSON value, as it is remembered and told: a string, or null where nobody is named.
    package let by: [UInt8]

    /// Bytes of a name that are told; of a longer one its beginning is.
    package static let nameBytesMax = 256

    /// - Parameter name: As the order on the cancel stream gives it.
    package init(by name: [UInt8]?) {
        by = JSONWriter.bytes(reserving: 64) { writer in
            guard let name else { return writer.null() }
            writer.value(String(decoding: name.prefix(Self.nameBytesMax), as: UTF8.self))
        }
    }

    /// - Parameter by: As a mark remembers it.
    package init(remembered by: [UInt8]) { self.by = by }

    /// What `cancelled` says of a request that cost nothing: `{"by","cost_usd"}`.
    package var payload: [UInt8] {
        JSONWriter.bytes(reserving: 64) { writer in
            writer.beginObject()
            writer.key("by")
            writer.raw(by)
            writer.key("cost_usd")
            writer.dollars(.zero)
            writer.endObject()
        }
    }
}

/// An entry of the cancel stream.
package struct CancelOrder: Equatable, Sendable {
    package let target: Target
    package let cancellation: Cancellation

    package enum Target: Equatable, Sendable {
        case request(RequestID)
        case batch(BatchID)
    }

    /// - Parameter fields: Names and values in turn.
    /// Nil where they do not name one request or one batch.
    package init?(_ fields: [[UInt8]]) {
        var (request, batch, by): ([UInt8]?, [UInt8]?, [UInt8]?)
        for index in stride(from: 0, to: fields.count - 1, by: 2) {
            let (name, value) = (fields[index], fields[index + 1])
            if name.equals("request_id") { request = value }
            if name.equals("batch_id") { batch = value }
            if name.equals("by") { by = value }
        }
        switch (request.map { RequestID($0) }, batch.map { BatchID($0) }) {
        case (.some(.some(let id)), .none): target = .request(id)
        case (.none, .some(.some(let id))): target = .batch(id)
        default: return nil
        }
        cancellation = Cancellation(by: by)
    }
}
