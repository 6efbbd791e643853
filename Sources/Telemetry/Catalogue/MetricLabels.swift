// The label values of every metric: closed sets, written once.

package import Contract

extension Metrics {
    /// How a request ended: its terminal event and, where that has one, its code.
    package enum Ending: Labels {
        case result
        case rejected(RejectionCode)
        case failed(FailureCode)
        case cancelled

        package static let names = ["outcome", "code"]

        package static var allCases: [Ending] {
            [.result] + RejectionCode.allCases.map(Self.rejected)
                + FailureCode.allCases.map(Self.failed) + [.cancelled]
        }

        /// By hand, so that counting an ending builds no array of all of them.
        package var ordinal: Int {
            switch self {
            case .result: 0
            case .rejected(let code): 1 + code.ordinal
            case .failed(let code): 1 + RejectionCode.count + code.ordinal
            case .cancelled: 1 + RejectionCode.count + FailureCode.count
            }
        }

        package var values: [String] {
            switch self {
            case .result: ["result", "none"]
            case .rejected(let code): ["rejected", code.rawValue]
            case .failed(let code): ["failed", code.rawValue]
            case .cancelled: ["cancelled", "none"]
            }
        }
    }

    /// A stage of the pipeline.
    package enum Stage: String, Labels {
        case decode
        case screen
        case admit
        case enrich
        case propose
        case ask
        case judge
        case fallback
        case settle
        case report

        package static let names = ["stage"]
    }

    /// What the screening says of a request's words.
    package enum Verdict: String, Labels {
        case pass
        case flag
        case block

        package static let names = ["verdict"]
    }

    /// How one call to the model ended.
    /// How a way to the model changed.
    package enum BreakerChange: String, Labels {
        case open
        /// Until somebody mends it.
        case off
        /// Tried again, with more calls each second.
        case ramping
        case closed

        package static let names = ["to"]
    }

    /// What the provider will not take back before somebody has done something.
    package enum ModelAlert: String, Labels {
        case outOfQuota = "out_of_quota"
        case keyRefused = "key_refused"
        case forbidden
        case modelGone = "model_gone"

        package static let names = ["kind"]
    }

    /// Why a model was called.
    package enum CallKind: String, Labels {
        case first
        case again = "repeat"
        case anew = "reask"
        case elsewhere = "failover"
        case beside = "hedge"

        package static let names = ["kind"]
    }

    /// By what our instructions were known in an answer.
    package enum Leak: String, Labels {
        case canary
        case instructions

        package static let names = ["by"]
    }

    /// What came of looking for an answer to the same question.
    package enum Sharing: String, Labels {
        case hit
        case miss
        case followed
        case unfit
        case stale

        package static let names = ["outcome"]
    }

    package enum CallOutcome: String, Labels {
        case success
        /// 429, for pace or for quota.
        case rateLimited = "rate_limited"
        /// Any other 4xx: our request or our key.
        case refused
        /// 5xx.
        case upstreamError = "upstream_error"
        /// A 2xx that is not what the API promises.
        case invalidResponse = "invalid_response"
        /// No connection, or lost before the answer's end.
        case connectionError = "connection_error"
        /// Connect, stall or total limit, or the request's deadline.
        case timeout
        case cancelled

        package static let names = ["outcome"]
    }

    package enum TokenType: String, Labels {
        case input
        case output
        case cached

        package static let names = ["type"]
    }

    /// The two connections to Redis: one blocks in reads, the other does all else.
    package enum Connection: String, Labels {
        case read
        case write

        package static let names = ["connection"]
    }

    /// The streams of requests, in the order they are read.
    package enum Priority: String, Labels {
        case retry
        case high
        case normal
        case low

        package static let names = ["priority"]

        package init(_ queue: Queue) {
            switch queue {
            case .retry: self = .retry
            case .high: self = .high
            case .normal: self = .normal
            case .low: self = .low
            }
        }
    }

    /// Why a worker put an entry aside.
    package enum DeadLetterReason: String, Labels {
        /// It names no request that could be answered.
        case malformed
        /// Its request id belongs to another request.
        case requestIDConflict = "request_id_conflict"

        package static let names = ["reason"]
    }

    /// The Lua scripts that a worker runs, by the names of their files.
    package enum Script: String, Labels {
        case admit
        case call
        case commit
        case bury
        case event
        case remind
        case requeue
        case reserveGlobal = "reserve_global"
        case settleGlobal = "settle_global"
        case take
        case weigh
        case expandBatch = "expand_batch"
        case breaker
        case allowance
        case join
        case share

        package static let names = ["script"]
    }
}

extension RejectionCode: Labels {
    package static let names = ["code"]
    fileprivate static let count = allCases.count
}

extension FailureCode: Labels {
    package static let names = ["code"]
    fileprivate static let count = allCases.count
}
