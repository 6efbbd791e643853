import Contract
import Pipeline
import Synchronization

/// Shared answers in memory: by one question at a time one request leads.
final class FakeAnswers: SharedAnswers {
    struct State {
        var kept: [String: SharedAnswer] = [:]
        /// Too old, for whoever leads.
        var old: SharedAnswer?
        var leaders: [String: RequestID] = [:]
        var questions: [String] = []
        var shared: [SharedAnswer] = []
        var left = 0
    }
    let state = Mutex(State())
    /// What every question has been answered, as far as a test says so.
    private let preset: SharedAnswer?
    private let parking: FakeParking

    init(waking parking: FakeParking, preset: SharedAnswer? = nil) {
        self.parking = parking
        self.preset = preset
    }

    var left: Int { state.withLock { $0.left } }
    var questions: [String] { state.withLock { $0.questions } }

    func join(_ question: AnswerKey, as seat: Seat, mayLead: Bool) async -> Joined {
        state.withLock { state in
            state.questions.append(question.hash)
            if let found = preset ?? state.kept[question.hash] { return .answered(found) }
            let leader = state.leaders[question.hash]
            if let leader, leader != seat.requestID { return .follows }
            guard mayLead else { return .free }
            state.leaders[question.hash] = seat.requestID
            return .leads(old: state.old)
        }
    }

    func share(
        _ answer: SharedAnswer,
        to question: AnswerKey,
        by seat: Seat
    ) async -> Bool {
        state.withLock { state in
            guard state.leaders[question.hash] == seat.requestID else { return false }
            state.leaders[question.hash] = nil
            state.kept[question.hash] = answer
            state.shared.append(answer)
            return true
        }
    }

    func leave(_ question: AnswerKey, by seat: Seat) {
        state.withLock { state in
            state.left += 1
            if state.leaders[question.hash] == seat.requestID { state.leaders[question.hash] = nil }
        }
        parking.nobodyAsks()
    }
}
