internal import Crypto

/// One link of a partition's audit chain: what was decided, and the hash of all before it.
///
/// ```
/// hash(n) = SHA-256( hash(n−1) | partition | seq | at | … | SHA-256(content) | personal_hash )
/// ```
/// The personal half is in the chain by its hash alone, so that it can be erased; sixteen bytes of
/// chance before it keep that hash from being guessed back.
package struct AuditRecord: Sendable {
    package let partition: Int
    /// From 1, without gaps.
    package let seq: Int64
    package let atMs: Int64
    package let epoch: Int
    package let outbox: EntryID
    package let fencingToken: Int64
    package let requestID: String
    package let attempt: Int
    package let event: String
    package let code: String
    package let retention: String
    package let content: [UInt8]
    package let personalHash: [UInt8]
    package let previous: [UInt8]

    package init(
        partition: Int,
        seq: Int64,
        atMs: Int64,
        epoch: Int,
        outbox: EntryID,
        fencingToken: Int64,
        requestID: String,
        attempt: Int,
        event: String,
        code: String,
        retention: String,
        content: [UInt8],
        personalHash: [UInt8],
        previous: [UInt8]
    ) {
        self.partition = partition
        self.seq = seq
        self.atMs = atMs
        self.epoch = epoch
        self.outbox = outbox
        self.fencingToken = fencingToken
        self.requestID = requestID
        self.attempt = attempt
        self.event = event
        self.code = code
        self.retention = retention
        self.content = content
        self.personalHash = personalHash
        self.previous = previous
    }

    /// Before the first record.
    package static let genesis = [UInt8](repeating: 0, count: 32)
    /// Bytes of chance before a personal half.
    package static let saltBytes = 16

    package static func digest(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// Each part with its length before it, so that no two records have the same bytes.
    package var hash: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        func put(_ part: some Collection<UInt8>) {
            let count = UInt32(part.count)
            for shift in [24, 16, 8, 0] as [UInt32] {
                bytes.append(UInt8(truncatingIfNeeded: count >> shift))
            }
            bytes.append(contentsOf: part)
        }
        put("audit-1".utf8)
        put(previous)
        let numbers = [
            String(partition), String(seq), String(atMs), String(epoch), outbox.description,
            String(fencingToken), String(attempt),
        ]
        for number in numbers { put(number.utf8) }
        for text in [requestID, event, code, retention] { put(text.utf8) }
        put(Self.digest(content))
        put(personalHash)
        return Self.digest(bytes)
    }
}
