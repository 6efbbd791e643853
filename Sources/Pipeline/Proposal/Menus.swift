package import Options
internal import Synchronization

/// Menus drawn up lately. Those who come in one burst often ask about one market in one way, and then
/// share a menu, the work and the memory of it.
package final class Menus: Sendable {
    private struct Shelf {
        var recent: [CandidateRequest: Menu] = [:]
        /// Those of the shelf before, which go when this one is full.
        var older: [CandidateRequest: Menu] = [:]
    }

    /// A mutex that nobody contends: the stage runs on one loop.
    private let shelf = Mutex(Shelf())

    /// On one of the two shelves: some hundred bytes a candidate, so less than a megabyte in all.
    package static let keptMax = 32

    package init() {}

    /// What a menu holds follows from the request alone, so it does not matter who drew it up.
    package func menu(for request: CandidateRequest) -> Menu {
        // A chain is its caller's own, and takes longer to compare than a few prices take.
        guard request.chain == nil else { return Menu(request) }
        return shelf.withLock { shelf in
            if let known = shelf.recent[request] { return known }
            let menu = shelf.older[request] ?? Menu(request)
            if shelf.recent.count == Self.keptMax {
                shelf.older = shelf.recent
                shelf.recent = [:]
            }
            shelf.recent[request] = menu
            return menu
        }
    }
}
