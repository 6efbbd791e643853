/// What an operator may set about entries; the same for workers and supervisors.
package struct EntryRules: Sendable {
    /// `MAX_PAYLOAD_BYTES`.
    package let payloadBytesMax: Int
    /// `MAX_BATCH_BYTES`, and `MAX_BATCH`.
    package let batchBytesMax: Int
    package let batchMembersMax: Int
    /// Milliseconds that a request has when it does not say: `REQUEST_TIMEOUT`.
    package let requestTimeoutMs: Int64
    /// The same for a batch, its members, and one on `low`, whose caller expects to wait:
    /// `BATCH_TIMEOUT`.
    package let batchTimeoutMs: Int64
    package let partition: Int
    package let partitions: Int

    package init(
        payloadBytesMax: Int,
        batchBytesMax: Int = ContractLimits.batchBytesMax,
        batchMembersMax: Int = ContractLimits.batchMembersMax,
        requestTimeoutMs: Int64,
        batchTimeoutMs: Int64,
        partition: Int,
        partitions: Int
    ) {
        self.payloadBytesMax = payloadBytesMax
        self.batchBytesMax = batchBytesMax
        self.batchMembersMax = batchMembersMax
        self.requestTimeoutMs = requestTimeoutMs
        self.batchTimeoutMs = batchTimeoutMs
        self.partition = partition
        self.partitions = partitions
    }
}
