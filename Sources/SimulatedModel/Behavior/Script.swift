internal import Synchronization

/// The misbehaviors in force, in the order they were set; the first that matches a call is used.
package final class Script: Sendable {
    private let entries = Mutex<[Misbehavior]>([])
    /// Most runs have no script; they ask this alone.
    private let isEmpty = Atomic(true)

    package init() {}

    /// - Throws: 400 when the script is full.
    package func append(_ more: [Misbehavior]) throws(APIError) {
        let fits = entries.withLock { entries in
            guard entries.count + more.count <= Limits.behaviorsMax else { return false }
            entries += more
            isEmpty.store(entries.isEmpty, ordering: .releasing)
            return true
        }
        guard fits else {
            throw APIError(400, "At most \(Limits.behaviorsMax) behaviors may be set at a time.")
        }
    }

    package func clear() {
        entries.withLock { entries in
            entries = []
            isEmpty.store(true, ordering: .releasing)
        }
    }

    package var inForce: [Misbehavior] { entries.withLock { $0 } }

    /// What this call has to suffer. Counts it against the entry's `times`.
    package func take(
        model: SimulatedModelEntry?,
        named name: String?,
        requestID: String?,
        key: String?
    )
        -> Misbehavior?
    {
        if isEmpty.load(ordering: .acquiring) { return nil }
        return entries.withLock { entries in
            let place = entries.firstIndex {
                $0.matches(model: model, named: name, requestID: requestID, key: key)
                    && ($0.share >= 1 || Double.random(in: 0..<1) < $0.share)
            }
            guard let place else { return nil }
            if entries[place].after > 0 {
                entries[place].after -= 1
                return nil
            }
            let found = entries[place]
            switch found.times {
            case nil: break
            case 1: entries.remove(at: place)
            case let left?: entries[place].times = left - 1
            }
            isEmpty.store(entries.isEmpty, ordering: .releasing)
            return found
        }
    }
}
