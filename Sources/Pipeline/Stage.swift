/// The stages that are timed.
package enum Stage: String, CaseIterable, Sendable {
    case decode
    case screen
    case admit
    case enrich
    case propose
    case ask
    case judge
    case fallback
    case settle
    /// Of a question for usage.
    case report
}
