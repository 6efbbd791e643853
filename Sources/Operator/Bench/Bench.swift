import ArgumentParser
import Desk
import Glibc

/// Load of a known shape, and what came of it.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put load on the service, and report how it was answered.",
        discussion: """
            With --rate requests are due at fixed times, whatever is answered meanwhile
            (open loop): a service that falls behind shows in the latency, which is counted
            from when a request was due. With --concurrency so many are under way at once,
            and the next begins when one has ended.

              strategyctl bench --rate 50 --seconds 30
              strategyctl bench --concurrency 100 --seconds 20 --svg latency.svg
              strategyctl bench --rate 200 --seconds 60 --users 500 --tiers free:1,premium:3 \\
                --priorities high:1,normal:8,low:1 --sizes small:8,large:2
              strategyctl bench --rate 5 --batch 100 --seconds 20 --json | jq .latency_ms

            Its users are of this run alone, bench-RUN-N; their profiles go an hour later.
            Answers are read and deleted. No two requests use the same words, so none is
            answered out of the cache, and each that reaches a real model is paid for:
            --max-cost bounds what one may cost, COST_PER_HOUR_LIMIT all.

            A report ends with the service's aims: 95 of 100 answers on high and normal
            within 2 s, under 5 % errors, under $0.50 a result.

            EXIT STATUS
              0   every request was answered    1  some were not
              64  wrong use    69  Redis cannot be reached    74  the picture cannot be written
            """
    )

    @Option(help: "Requests due a second; of batches, batches.")
    var rate: Double?

    @Option(help: "Requests under way at once, in place of a rate.")
    var concurrency: Int?

    @Option(help: "For how long load is put on.")
    var seconds = 10.0

    @Option(help: "Users among whom it is spread.")
    var users = 100

    @Option(help: "Their tiers, by weight: free, basic, premium, enterprise.")
    var tiers = "enterprise:1"

    @Option(help: "Priorities by weight: high, normal, low.")
    var priorities = "normal:1"

    @Option(help: "Payloads by weight: small (0.4 KB), medium (20 positions), large (400).")
    var sizes = "small:1"

    @Option(help: "Ask by batches of so many requests each.")
    var batch: Int?

    @Option(help: "Seconds until an answer is due.")
    var deadline = 30.0

    @Option(help: "The most that the model may cost for one request, in USD.")
    var maxCost = 0.5

    @OptionGroup var tokens: BenchTokens

    @Option(help: "File for a picture of the latencies.")
    var svg: String?

    @Flag(help: "Print JSON, and nothing else.")
    var json = false

    func validate() throws {
        guard (rate == nil) != (concurrency == nil) else {
            throw ValidationError("give --rate or --concurrency")
        }
        guard rate.map({ (0.01...100_000).contains($0) }) ?? true else {
            throw ValidationError("--rate takes a number from 0.01 to 100000")
        }
        guard concurrency.map({ (1...20_000).contains($0) }) ?? true else {
            throw ValidationError("--concurrency takes a number from 1 to 20000")
        }
        guard (0.1...86_400).contains(seconds) else {
            throw ValidationError("--seconds takes a number from 0.1 to 86400")
        }
        guard (1...1_000_000).contains(users) else {
            throw ValidationError("--users takes a number from 1 to 1000000")
        }
        guard batch.map({ (1...1_000).contains($0) }) ?? true else {
            throw ValidationError("--batch takes a number from 1 to 1000")
        }
        guard batch == nil || concurrency == nil else {
            throw ValidationError("--batch goes with --rate")
        }
        guard (0.1...3_600).contains(deadline) else {
            throw ValidationError("--deadline takes seconds from 0.1 to 3600")
        }
        _ = try mix()
    }

    private func mix() throws -> BenchMix {
        try BenchMix(
            users: users,
            tiers: Self.weights(tiers, "--tiers", ["free", "basic", "premium", "enterprise"]),
            priorities: Self.weights(priorities, "--priorities", ["high", "normal", "low"]),
            sizes: Self.weights(sizes, "--sizes", ["small", "medium", "large"]),
            deadline: .seconds(deadline),
            maxCost: maxCost
        )
    }

    /// `high:1,normal:8`: names and whole numbers.
    static func weights(
        _ text: String,
        _ option: String,
        _ names: [String]
    ) throws -> Weighted {
        var choices: [(String, Int)] = []
        for part in text.split(separator: ",") {
            let halves = part.split(separator: ":")
            guard halves.count == 2, names.contains(String(halves[0])), let weight = Int(halves[1]),
                (0...1_000_000).contains(weight)
            else {
                throw ValidationError(
                    "\(option) takes NAME:WEIGHT,…, with names of "
                        + names.joined(separator: ", ")
                )
            }
            choices.append((String(halves[0]), weight))
        }
        guard choices.contains(where: { $0.1 > 0 }) else {
            throw ValidationError("\(option): one weight at least must be above 0")
        }
        return Weighted(choices)
    }

    func run() async throws {
        let plan = BenchPlan(
            rate: rate,
            concurrency: concurrency,
            time: .seconds(seconds),
            batch: batch,
            mix: try mix(),
            signer: try await tokens.signer()
        )
        let (json, svg) = (json, svg)
        let progress = ProgressLine(json ? .silent : .standardError)
        let report = try await withService { service in
            try await BenchRun(plan, service, progress).run()
        }
        progress.end()
        if let svg { try OutputFile.write(Array(BenchPicture(report).text.utf8), to: svg) }
        if json { printJSON(report.write) } else { print(report.page) }
        if report.unanswered > 0 { throw ExitCode.negative }
    }
}
