// Contract: the data as it crosses a process: keys, entries, events, codes, and their codecs.
// Belongs here: what `streams.md` promises, in Swift. Does not: decisions, clocks, I/O, or how a
// stage works. Where this target and `streams.md` disagree, one of them has a bug.

/// The sizes and counts that `streams.md` promises. What an operator may change is configuration,
/// and has its default here.
package enum ContractLimits {
    /// Characters of a `request_id` or `batch_id`.
    package static let identifierLengthMax = 128
    /// Bytes of UTF-8 in a `user_id`.
    package static let userIDBytesMax = 256
    /// Unicode scalars in `user_intent`.
    package static let intentCharactersMax = 2_000
    /// Bytes of a `generate` payload: twenty times the largest that a portfolio of 500 positions needs.
    package static let payloadBytesMax = 256 * 1024
    /// Bytes of a `batch` payload: a thousand requests of the usual size, or fewer great ones.
    package static let batchBytesMax = 4 * 1024 * 1024
    /// Requests in one `batch` entry: ten steps of a script that adds a hundred.
    package static let batchMembersMax = 1_000
    /// Members of one call that expands a batch.
    package static let batchStepMax = 100
    /// Members of a burst that an orchestrator pushes itself: their ended ones are a bit each, 12 KiB.
    package static let burstMembersMax = 100_000
    /// Milliseconds; below, no model can answer, above, no caller waits.
    package static let deadlineRange: ClosedRange<Int64> = 100...3_600_000
    /// An entry's ID may be this far ahead of Redis' clock, in milliseconds, and still count.
    package static let clockAheadMax: Int64 = 1_000
    /// Bytes of one entry kept in a dead letter; the rest is counted, not kept.
    package static let deadLetterBytesMax = 256 * 1024
    /// Fields of one entry kept in a dead letter: Lua can pass some 8,000 values to one command.
    package static let deadLetterFieldsMax = 1_000
    /// Dead letters kept in a partition, about; the oldest leave first.
    package static let deadLettersMax = 10_000
    /// Times an entry is tried before it is dead-lettered.
    package static let attemptsMax = 5
}
