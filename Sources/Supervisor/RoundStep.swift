import Program

/// The steps of a supervisor's round: where tests stop the process.
///
/// After each of them something is done and something else is not: the next supervisor must find the
/// rest, and do nothing twice.
package enum RoundStep: String, FaultPoint {
    /// The lease is held, or renewed.
    case leased
    /// It was another's when this process asked again.
    case leaseLost = "lease_lost"
    /// A round begins.
    case begun
    /// A page of a dead worker's entries has been read; none of them has been taken.
    case found
    /// An entry is in the retry stream; what its call may have cost is not settled.
    case requeued
    /// The cost of an attempt that is over has been settled.
    case settled
    /// An entry has become a dead letter; its call is not settled.
    case buried
    /// A dead worker's consumer is removed.
    case reaped
    /// The books have been read: the middle of a round.
    case measured
    /// A request that nobody ran has been ended; its call is not settled.
    case abandoned
    /// A request that nobody had read has been answered.
    case expired
    /// A request has been taken back; its call is not settled.
    case cancelled
    /// Some of a batch's members have been told to end, and its order is not done with.
    case batchCancelled = "batch_cancelled"
    /// A claim on the fleet's hour was found that nobody will settle.
    case swept
    /// A batch of the outbox has been read; nothing of it is carried.
    case gathered
    /// PostgreSQL has the batch; the outbox has it still.
    case carried
    /// The outbox has it no more.
    case emptied
    /// All duties have been done once.
    case ended
}
