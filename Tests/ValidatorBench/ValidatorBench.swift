// ValidatorBench: what the rules find and what they cost.
// Belongs here: the report on the mutation corpus and on the fallback, and the clock around one
// judgement. Not here: rules, generators, and bars that a test should hold.

import ArgumentParser
import Corpus

@main
struct ValidatorBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validator-bench",
        abstract: "Recall of each rule, false blocks, and what a judgement costs.",
        discussion: """
            EXIT STATUS
              0  recall is at least 99 %, nothing in order is blocked, the fallback has no fault
              1  one of these does not hold
            """
    )

    @ArgumentParser.Option(help: "Strategies with a defect, of each of the 24 kinds.")
    var mutants = 1_000

    @ArgumentParser.Option(help: "Strategies that are in order.")
    var clean = 10_000

    @ArgumentParser.Option(help: "Random requests put to the fallback.")
    var requests = 100_000

    @ArgumentParser.Option(help: "Repetitions of each timed step.")
    var rounds = 2_000

    @ArgumentParser.Option(help: "Seed of everything.")
    var seed: UInt64 = 2_026

    func run() throws {
        let costs = Costs(rounds: rounds)
        for row in costs.rows { print(row) }
        let corpus = CorpusReport(seed: seed, mutants: mutants, clean: clean)
        print(corpus.lines.joined(separator: "\n"))
        let fallback = FallbackReport(seed: seed, count: requests)
        print(fallback.lines.joined(separator: "\n"))
        guard corpus.recall >= 0.99, corpus.falseBlocks == 0, fallback.faults.isEmpty else {
            throw ExitCode.failure
        }
    }
}
