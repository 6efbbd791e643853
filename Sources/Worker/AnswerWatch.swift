import EventLoop
import Gateways
import Redis
import ServiceLifecycle

/// Looks, for all who wait here for what another is answered, whether there is an answer, and whether
/// who asks is alive; and tells of leads that were given up here.
///
/// Who waits for a leader of the same process is told by it; this is for those of others. While nobody
/// waits nothing is asked.
struct AnswerWatch: Service {
    let loop: EventLoop
    let answers: RedisAnswers
    let slots: Slots
    let clock: RedisClock

    private enum Limits {
        /// The most that an answer of another process is late.
        static let interval = Duration.milliseconds(50)
        /// Looks between two at a leader's sign of life.
        static let looksPerSign = 10
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await watch() }
        // All has ended: others need not wait for who led here.
        _ = await answers.tellLeft()
    }

    private func watch() async throws {
        var looks = 0
        while !Task.isCancelled {
            for question in await answers.tellLeft() { await slots.nobodyAsks(question) }
            let followed = await slots.followed
            if !followed.isEmpty {
                looks += 1
                await look(at: followed, forLife: looks % Limits.looksPerSign == 0)
            }
            do { try await loop.sleep(for: Limits.interval) } catch { return }
        }
    }

    private func look(at questions: [String], forLife: Bool) async {
        for (question, sight) in await answers.look(at: questions, nowMs: clock.nowMs()) {
            switch sight {
            case .answered: await slots.answerCame(question)
            case .free: await slots.nobodyAsks(question)
            case .led(let leader):
                if forLife, await answers.bury(leader, of: question) {
                    await slots.nobodyAsks(question)
                }
            }
        }
    }
}
