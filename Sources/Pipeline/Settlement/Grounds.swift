internal import Contract
internal import Options
internal import Policy

/// What an ending was decided on, as far as its request came: for the audit trail, so that the same can
/// be decided again.
package final class Grounds: Sendable {
    /// Nil where it was no request in order, or its user is not known to be who he says.
    let accepted: Accepted?
    /// Its words were looked at, and this was seen.
    let screening: ScreeningVerdict?
    /// What of the restricted list bore on it.
    let restricted: RestrictedList
    /// What could be offered.
    let proposed: Proposed?

    init(
        _ accepted: Accepted?,
        screening: ScreeningVerdict? = nil,
        restricted: RestrictedList = .empty
    ) {
        self.accepted = accepted
        self.screening = screening
        self.restricted = restricted
        proposed = nil
    }

    init(_ screened: Screened, _ proposed: Proposed) {
        accepted = screened.accepted
        screening = screened.verdict
        // Symbols on it bar a request at the door: what passes knows of the others alone.
        restricted = RestrictedList(strategies: screened.restricted.strategies)
        self.proposed = proposed
    }

    convenience init(_ screened: Screened) {
        self.init(screened.accepted, screening: screened.verdict)
    }

    /// Of whose payload nothing is kept: whose it is was never known, or he proved nothing.
    static let none = Grounds(nil)
}

extension Menu {
    /// Tells one menu from another; it guards nothing. FNV-1a over what would be traded: a microsecond
    /// for a full one, since it is worked out for every request.
    var fingerprint: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ word: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                hash = (hash ^ (word >> shift & 0xff)) &* 0x100_0000_01b3
            }
        }
        for candidate in candidates {
            for byte in candidate.name.rawValue.utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
            for leg in candidate.legs {
                mix(UInt64(bitPattern: Int64(leg.signedShares)))
                mix(leg.instrument.strike.map { $0.dollars.bitPattern } ?? 0)
                mix(leg.instrument.right == .call ? 1 : 0)
                mix(UInt64(bitPattern: Int64(leg.expiry?.dayNumber ?? 0)))
                mix(leg.price.dollars.bitPattern)
            }
        }
        return String(hash, radix: 16)
    }
}
