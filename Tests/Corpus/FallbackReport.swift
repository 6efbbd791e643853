import Options
import TestSupport

/// The menu's best candidate for random requests, held against the same rules as everything else.
package struct FallbackReport: Sendable {
    package private(set) var requests = 0
    package private(set) var offered = 0
    /// Nothing fits, and the binding rule is named.
    package private(set) var declined = 0
    /// Declined, and one figure is named that would change it.
    package private(set) var changes = 0
    /// Should be none: what was blocked, undefined in its risk, or declined without a reason.
    package private(set) var faults: [String] = []

    package init(seed: UInt64, count: Int) {
        for index in 0..<count {
            let own = seed &+ UInt64(index)
            var dice = Dice(seed: own)
            examine(CandidateRequest.random(&dice), seed: own)
        }
    }

    private mutating func examine(_ request: CandidateRequest, seed: UInt64) {
        requests += 1
        let menu = Menu(request)
        guard let best = menu.candidates.first else {
            declined += 1
            if menu.noTrade == nil { faults.append("seed \(seed): no reason") }
            if menu.smallestChange(for: request) != nil { changes += 1 }
            return
        }
        offered += 1
        if best.classification.risk != .defined || best.addedMaxLossUSD == nil {
            faults.append("seed \(seed): \(best.name.rawValue) has no largest loss")
        }
        guard let specimen = Specimen(best, for: request) else {
            faults.append("seed \(seed): \(best.name.rawValue) is malformed")
            return
        }
        var finding = specimen.judged()
        // It says only what was computed: its own words and claims need no repair.
        finding.rules.formIntersection([
            "S05", "S13", "R04", "R05", "R06", "C05", "C06", "C07", "C08", "C09", "O02",
        ])
        if finding.isBlocked || !finding.rules.isEmpty {
            let why = finding.evidence + finding.rules.sorted()
            faults.append("seed \(seed): \(best.name.rawValue): \(why)")
        }
    }

    package var lines: [String] {
        [
            "requests  \(requests), offered \(offered), declined \(declined)",
            "declined with a change that would help  \(changes)",
            "faults  \(faults.count)",
        ] + faults.prefix(10)
    }
}
