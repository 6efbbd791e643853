import Foundation

/// One line of the table: what it measures, on what, and by which bar.
protocol Row: Sendable {
    var name: String { get }
    var title: String { get }
    func run(on stand: Stand) async throws -> RowReport
}

/// What one round of full load has cost.
struct Round {
    let jobsPerSecond: Double
    /// CPU of the contestant alone, microseconds.
    let cpuPerJob: Double
    let inFlightMax: Int
}

extension Round {
    /// Puts `jobs` requests in at once and waits for all answers.
    init(of jobs: Int, by contestant: Contestant, on stand: Stand) async throws {
        let requests = Requests(to: contestant, on: stand)
        let cpu = try contestant.cpu()
        let start = ContinuousClock.now
        let arrivals = try await requests.add(jobs)
        inFlightMax = try await requests.drain()
        jobsPerSecond = Double(jobs) / ((ContinuousClock.now - start) / .seconds(1))
        cpuPerJob = (try contestant.cpu() - cpu) / .microseconds(1) / Double(jobs)
        _ = try await requests.harvest(arrivals)
        say(
            String(
                format: "   %-16@ %6.0f jobs/s  %6.1f µs CPU a job",
                contestant.program.rawValue as NSString,
                jobsPerSecond,
                cpuPerJob
            )
        )
    }
}
