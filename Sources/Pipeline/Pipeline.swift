// Pipeline: the order in which one entry becomes one answer.
// Belongs here: the stages, as plain functions over values, and the ports by which they ask the
// world. Does not: names of products, wire formats, configuration, or when to read the next entry.

internal import Contract

/// One stream entry passes these stages, in this order.
///
/// This is the only file that knows the order. Each stage is a type in the folder of the same name;
/// what it returns is a value that only it can make. Success, refusal and failure all leave by one
/// door, `settlement`.
package struct Pipeline: Sendable {
    private let intake: Intake
    private let generation: Generation
    private let validation: Validation
    private let settlement: Settlement
    private let watch: any Watch

    package init(
        intake: Intake,
        generation: Generation,
        validation: Validation,
        settlement: Settlement,
        watch: any Watch
    ) {
        self.intake = intake
        self.generation = generation
        self.validation = validation
        self.settlement = settlement
        self.watch = watch
    }

    /// Answers one entry, or buries it when it names nobody who could be answered.
    ///
    /// - Returns: When the store has said that the answer stands: then, and not before, the duty
    ///   that the lease is has been done.
    /// - Throws: When the task was cancelled before that; the entry stays pending.
    package func run(_ lease: consuming Lease) async throws(CancellationError) -> Receipt {
        switch watch.timed(.decode, { intake.accept(lease.entry) }) {
        case .nameless(let reason):
            return try await settlement.bury(lease, reason: reason)
        case .refused(let address, let rejection):
            return try await finish(.rejected(rejection), address, lease)
        case .accepted(let accepted):
            watch.started(accepted)
            await settlement.announce(.accepted, of: accepted)
            let asked = watch.begin()
            let draft = await generation.ask(accepted)
            watch.end(.ask, since: asked)
            let ending = watch.timed(.judge) { validation.judge(draft, for: accepted) }
            return try await finish(ending, accepted.address, lease)
        }
    }

    private func finish(
        _ ending: Ending,
        _ address: Address,
        _ lease: consuming Lease
    ) async throws(CancellationError) -> Receipt {
        let start = watch.begin()
        let receipt = try await settlement.settle(ending, to: address, lease)
        watch.end(.settle, since: start)
        watch.ended(address, ending, receipt)
        return receipt
    }
}

/// The stages that are timed.
package enum Stage: String, CaseIterable, Sendable {
    case decode
    case ask
    case judge
    case settle
}
