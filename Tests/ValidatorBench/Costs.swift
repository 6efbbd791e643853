import Corpus
import Options
import TestSupport

/// What the steps of a request cost on this machine, one row a step.
struct Costs {
    private(set) var rows: [String] = []
    private let rounds: Int

    init(rounds: Int) {
        self.rounds = rounds
        guard let scene = Scene() else {
            rows.append("no scene: a fixture is malformed")
            return
        }
        let judge = Judge(RulePack(on: scene.today))
        let mender = Mender(judge)
        time("the book of 20 positions is read") { _ = scene.readBook() }
        time("one judge, four legs, 20 positions") { _ = judge.judge(scene.condor) }
        time("the same without prose") { _ = judge.judge(scene.silent) }
        time("the same with an American short leg in the money") {
            _ = judge.judge(scene.american)
        }
        time("mended until nothing is left to mend") { _ = mender.mend(scene.wordy) }
        time("explained in sentences") { _ = Explanation(scene.condor) }
        time("a menu of candidates") { _ = Menu(scene.request) }
        menus()
    }

    /// Menus of random requests: the mean and the slowest, of which none may hold up the loop.
    private mutating func menus() {
        var dice = Dice(seed: 7)
        let clock = ContinuousClock()
        var worst = Duration.zero
        var sum = Duration.zero
        var decline = Duration.zero
        for _ in 0..<rounds {
            let request = CandidateRequest.random(&dice)
            var isEmpty = false
            let spent = clock.measure { isEmpty = Menu(request).candidates.isEmpty }
            worst = max(worst, spent)
            sum += spent
            guard isEmpty else { continue }
            let menu = Menu(request)
            decline = max(decline, clock.measure { _ = menu.smallestChange(for: request) })
        }
        rows.append(Self.row("menus of random requests, mean", sum / rounds))
        rows.append(Self.row("menus of random requests, slowest", worst))
        rows.append(Self.row("the change that would help, slowest", decline))
    }

    /// The median of the rounds: what the step costs, not what else the machine was doing.
    private mutating func time(_ what: String, _ step: () -> Void) {
        let clock = ContinuousClock()
        for _ in 0..<(rounds / 10) { step() }
        var spent = (0..<rounds).map { _ in clock.measure(step) }
        spent.sort()
        rows.append(Self.row(what, spent[spent.count / 2]))
    }

    private static func row(_ what: String, _ spent: Duration) -> String {
        let (seconds, attoseconds) = spent.components
        let micros = Double(seconds) * 1e6 + Double(attoseconds) / 1e12
        let padding = String(repeating: " ", count: max(1, 52 - what.count))
        return "\(what)\(padding)\((micros * 10).rounded() / 10) µs"
    }
}
