package import Contract
package import Options

/// The stage before the books: what the house offers to nobody goes no further.
package struct Screening: Sendable {
    private let restrictions: any Restrictions

    package init(restrictions: any Restrictions) { self.restrictions = restrictions }

    package enum Verdict: Sendable {
        case passed(Screened)
        case refused(Rejection, RestrictedList.Hit)
    }

    package func screen(_ accepted: Accepted) async throws(CancellationError) -> Verdict {
        let list = try await restrictions.inForce()
        if let hit = list.hit(ticker: accepted.request.market.symbol) {
            let rejection = Rejection(
                .unsuitable,
                hit.sentence,
                field: "/market_context/symbol"
            )
            return .refused(rejection, hit)
        }
        return .passed(Screened(accepted, list))
    }
}

/// A request on an underlying that may be offered. Only `Screening`, in this file, can make one.
package struct Screened: Sendable {
    package let accepted: Accepted
    /// What was restricted when it was screened; strategies among it are left out further on.
    package let restricted: RestrictedList

    fileprivate init(_ accepted: Accepted, _ restricted: RestrictedList) {
        self.accepted = accepted
        self.restricted = restricted
    }
}
