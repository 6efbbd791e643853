internal import Synchronization

/// Whether some families are shown: those that one process at a time tells of. While they are not,
/// their help stands in the page and no sample does, so that nothing is counted twice, and a total
/// that another process goes on with is no counter that fell.
package final class Visibility: Sendable {
    private let shown = Atomic(false)

    package init() {}

    package var isShown: Bool { shown.load(ordering: .relaxed) }

    package func show(_ isShown: Bool) { shown.store(isShown, ordering: .relaxed) }
}
