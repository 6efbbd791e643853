internal import JSON
internal import Synchronization

/// Parses answers with one parser, whose memory is used again; what does not parse is mended once.
final class AnswerReader: Sendable {
    /// A mutex that nobody contends: the stage runs on one loop.
    private let parser = Mutex(JSONParser(limits: JSONLimits(bytesMax: 256 * 1024, depthMax: 16)))

    /// - Throws: What is wrong, by its path, when no mending helps.
    func read<Value>(
        _ bytes: [UInt8],
        as read: (JSONValue) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        do throws(JSONError) {
            return try parse(bytes, read)
        } catch {
            guard let mended = AnswerMending.object(in: bytes), mended != bytes else { throw error }
            return try parse(mended, read)
        }
    }

    private func parse<Value>(
        _ bytes: [UInt8],
        _ read: (JSONValue) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        try parser.withLock { (parser) throws(JSONError) in try read(parser.parse(bytes)) }
    }
}
