/// When a way to a model is closed, and how it opens again: what is decided from what the whole fleet
/// has seen. The fleet's store keeps `Standing`; whoever asks or tells has it from there.
///
/// ```
/// closed ──half fail, or most are slow──▶ open ──hold over──▶ one probe in the whole fleet
///    ▲                                     ▲                     │ fails: open, longer
///    └────── ramping: more each second ◀───┴──── goes well ──────┘
/// ```
/// (Closed lets calls through, as in electricity.)
package enum Breaker {
    package enum State: String, CaseIterable, Sendable {
        case closed
        case open
        /// Open, and nobody need try before somebody has done something: `401`, no quota, no model.
        case off
        case ramping
    }

    /// What the fleet knows of one way.
    package struct Standing: Equatable, Sendable {
        package var state = State.closed
        /// One more with each change of state: who decides on an old one decides nothing.
        package var epoch = 0
        /// Unix milliseconds: until when it stays open.
        package var untilMs: Int64 = 0
        /// Since when it is in this state.
        package var sinceMs: Int64 = 0
        /// How often it has opened since it last stood closed.
        package var trips = 0
        /// A word on why it opened.
        package var reason = ""
        /// Calls of the last half minute at the most, those that failed, and those that were slow.
        package var calls = 0
        package var failed = 0
        package var slow = 0

        package init() {}
    }

    package enum Limits {
        /// Fewer calls than this tell nothing.
        package static let callsMin = 10
        /// While it ramps up a few are enough: it has just been down.
        package static let callsMinRamping = 4
        package static let failedShare = 0.5
        package static let slowShare = 0.8
        package static let holdMs: Int64 = 5_000
        package static let holdMsMax: Int64 = 60_000
        /// How long nobody tries what somebody must mend first.
        package static let offMs: Int64 = 300_000
        /// A model that is gone stays gone: asked again once a day.
        package static let goneMs: Int64 = 86_400_000
        package static let rampMs: Int64 = 10_000
        /// Share of the calls let through when a ramp begins.
        package static let rampFrom = 0.1
        /// A probe that has not been heard of after so long is lost, and another may go.
        package static let probeMs: Int64 = 30_000
    }

    package enum Verdict: Equatable, Sendable {
        case go
        /// Whoever wins the fleet's one probe.
        case probe
        case refuse(untilMs: Int64)
    }

    /// - Parameter chance: From 0 up to 1.
    package static func verdict(
        _ standing: Standing,
        nowMs: Int64,
        chance: Double
    ) -> Verdict {
        switch standing.state {
        case .closed: return .go
        case .open, .off:
            return nowMs < standing.untilMs ? .refuse(untilMs: standing.untilMs) : .probe
        case .ramping:
            let passed = Double(max(nowMs - standing.sinceMs, 0)) / Double(Limits.rampMs)
            let share = Limits.rampFrom + (1 - Limits.rampFrom) * min(passed, 1)
            return chance < share ? .go : .refuse(untilMs: nowMs + 100)
        }
    }

    package enum Move: Equatable, Sendable {
        case open(holdMs: Int64, reason: String)
        case close
    }

    /// What the counts call for; nil while all is well or nothing is known.
    package static func move(
        _ standing: Standing,
        nowMs: Int64,
        chance: Double
    ) -> Move? {
        switch standing.state {
        case .open, .off: return nil
        case .closed, .ramping:
            let least =
                standing.state == .ramping ? Limits.callsMinRamping : Limits.callsMin
            if standing.calls >= least {
                let calls = Double(standing.calls)
                if Double(standing.failed) >= Limits.failedShare * calls {
                    return .open(holdMs: holdMs(standing, chance), reason: "errors")
                }
                if Double(standing.slow) >= Limits.slowShare * calls {
                    return .open(holdMs: holdMs(standing, chance), reason: "slow")
                }
            }
            let isRamped =
                standing.state == .ramping && nowMs - standing.sinceMs >= Limits.rampMs
            return isRamped ? .close : nil
        }
    }

    /// What one call calls for by itself, whatever the counts are.
    package static func move(
        _ standing: Standing,
        after fault: CallFault,
        isProbe: Bool,
        chance: Double
    ) -> Move? {
        if let alert = fault.alert {
            return .open(
                holdMs: alert == .modelGone ? Limits.goneMs : Limits.offMs,
                reason: alert.rawValue
            )
        }
        // Asked to wait, the whole fleet waits.
        if let waitMs = fault.waitMs, waitMs >= Ladder.Limits.patienceMs {
            return .open(
                holdMs: max(waitMs, isProbe ? holdMs(standing, chance) : 0),
                reason: "asked_to_wait"
            )
        }
        return isProbe ? .open(holdMs: holdMs(standing, chance), reason: "errors") : nil
    }

    /// Twice as long with each time, a fifth more or less, so that fleets do not come back as one.
    private static func holdMs(_ standing: Standing, _ chance: Double) -> Int64 {
        let doubled = Limits.holdMs << Int64(min(standing.trips, 8))
        let hold = Double(min(doubled, Limits.holdMsMax))
        return Int64(hold * (0.8 + 0.4 * chance))
    }
}

/// What became of a call, for whoever keeps the breakers.
package enum CallReport: Equatable, Sendable {
    case answered(isSlow: Bool)
    case failed(CallFault)
    /// It says nothing of the other side: given up, or refused for what was asked.
    case neutral
}

extension CallFault {
    /// Whether the other side is to blame.
    package var countsAgainstRoute: Bool {
        switch self {
        case .rateLimited, .slowDown, .overloaded, .serverError, .outOfQuota, .keyRefused,
            .forbidden, .modelGone, .unreachable, .brokenOff, .unintelligible:
            true
        case .tooLarge, .refusedRequest, .refusedContent, .deadline, .cancelled: false
        }
    }
}
