/// A request's place in a batch.
///
/// A burst that the orchestrator pushes itself says it in each entry; members that stood in one
/// `batch` entry, their envelope, are given it when they are added to their stream.
package struct BatchMember: Hashable, Sendable {
    package let batchID: BatchID
    /// From 0.
    package let index: Int
    package let size: Int
    /// The request that brought the batch; nil for a burst.
    package let envelope: RequestID?

    package init(batchID: BatchID, index: Int, size: Int, envelope: RequestID?) {
        self.batchID = batchID
        self.index = index
        self.size = size
        self.envelope = envelope
    }

    /// `index size batch_id [envelope]`, as records and scripts have it.
    package var text: String {
        let place = "\(index) \(size) \(batchID)"
        return envelope.map { "\(place) \($0)" } ?? place
    }

    /// Nil for anything that is not such a text.
    package init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard (3...4).contains(words.count), let index = Int(words[0]), let size = Int(words[1]),
            let id = BatchID(words[2].utf8)
        else { return nil }
        var envelope: RequestID?
        if words.count == 4 {
            envelope = RequestID(words[3].utf8)
            guard envelope != nil else { return nil }
        }
        self.init(batchID: id, index: index, size: size, envelope: envelope)
    }
}

/// What the orchestrator calls a batch; written like a request's.
package typealias BatchID = RequestID

/// The fields by which an entry says that it is a batch's member, as they stand in it.
struct MemberFields {
    var batchID: [UInt8]?
    var index: [UInt8]?
    var size: [UInt8]?
    /// Written by our own script beside the others; anything odd in it is none.
    var envelope: [UInt8]?

    /// Nil where the entry says nothing of a batch, or nothing sound.
    var place: BatchMember? {
        do throws(Rejection) {
            return try checked()
        } catch {
            return nil
        }
    }

    /// Nil where the entry says nothing of a batch.
    func checked() throws(Rejection) -> BatchMember? {
        guard batchID != nil || index != nil || size != nil else { return nil }
        guard let batchID else { throw .invalid("batch_id", "is required in a batch") }
        guard let id = BatchID(batchID) else {
            throw .invalid("batch_id", "expected 1–128 of A–Z a–z 0–9 _ - . :")
        }
        let size = try number(size, "batch_size", in: 1...ContractLimits.burstMembersMax)
        let index = try number(index, "batch_index", in: 0...(size - 1))
        return BatchMember(
            batchID: id,
            index: index,
            size: size,
            envelope: envelope.flatMap { RequestID($0) }
        )
    }

    private func number(
        _ digits: [UInt8]?,
        _ field: String,
        in range: ClosedRange<Int>
    ) throws(Rejection) -> Int {
        guard let digits else { throw .invalid(field, "is required in a batch") }
        guard digits.count <= 7, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int(String(decoding: digits, as: UTF8.self)), range.contains(value)
        else {
            throw .invalid(
                field,
                "expected a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }
}
