package import Policy

/// What an operator may set of the load that is accepted.
package struct LoadTerms: Sendable {
    package let estimate: LoadEstimate.Rules
    /// `MAX_WAITING`.
    package let waitingMax: Int
    /// `MEMORY_WATERMARK`.
    package let memoryWatermark: Double
    /// What a request on `low` waits for at the most, `BATCH_TIMEOUT`: beyond it no more is accepted.
    package let longestWaitMs: Int64

    package init(
        weights: PriorityWeights,
        callsPerMinute: Int?,
        waitingMax: Int,
        memoryWatermark: Double,
        longestWaitMs: Int64
    ) {
        estimate = .init(weights: weights, callsPerMinute: callsPerMinute)
        self.waitingMax = waitingMax
        self.memoryWatermark = memoryWatermark
        self.longestWaitMs = longestWaitMs
    }
}
