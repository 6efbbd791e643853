import Foundation
import Testing

/// The invariants of the house's design. Most are absences, which nobody can see in code.
struct InvariantTests {
    private static let programs: Set<String> = [
        "Operator", "SimulatedModel", "Supervisor", "Worker",
    ]
    private static let drivers: Set<String> = ["HTTPClient", "Postgres", "Redis"]

    @Test func `a C module is imported by exactly one Swift target`() {
        let modules = Project.targets.filter { target in
            target.hasPrefix("C") && Project.swiftFiles(below: "Sources/\(target)").isEmpty
        }
        #expect(modules.count >= 4)
        let files = Project.swiftFiles(below: "Sources")
        for module in modules {
            let users = Set(files.filter { $0.imports.contains(module) }.map(\.target))
            #expect(users.count == 1, "\(module): \(users.sorted())")
        }
    }

    @Test(arguments: ["Contract", "Policy", "Options"])
    func `values know no time, no chance, no lock and no task`(target: String) {
        let files = Project.swiftFiles(below: "Sources/\(target)")
        #expect(!files.isEmpty)
        let forbidden =
            /\b(async|await|actor|Task|Mutex|Atomic|ContinuousClock|SuspendingClock|DispatchQueue|NSLock|SystemRandomNumberGenerator|clock_gettime|gettimeofday|time)\b(?!:)(?!\s*[=.,)}])|\.now\b|\bDate\(|\.random\(|\.shuffled\(\)|\.randomElement\(\)/
        for file in files { #expect(file.places(of: forbidden).isEmpty) }
        let modules = files.reduce(into: Set<String>()) { $0.formUnion($1.imports) }
        #expect(
            modules.isDisjoint(with: ["Foundation", "FoundationEssentials", "Synchronization"])
        )
        #expect(modules.isDisjoint(with: Self.drivers.union(["EventLoop", "Logging", "NIOCore"])))
    }

    @Test func `the pipeline names no product`() {
        let files = Project.swiftFiles(below: "Sources/Pipeline")
        #expect(!files.isEmpty)
        for file in files {
            let found = file.lines.filter {
                $0.lowercased().contains(/redis|postgres|\bpsql|libpq|curl|openai|\bgpt\b|simdjson/)
            }
            #expect(found.isEmpty, "\(file.path)")
        }
    }

    @Test func `only the gateways join the pipeline with a driver, and only programs wire them`() {
        for target in Project.targets where !Self.programs.contains(target) {
            let modules = Project.swiftFiles(below: "Sources/\(target)")
                .reduce(into: Set<String>()) { $0.formUnion($1.imports) }
            if modules.contains("Pipeline"), !modules.isDisjoint(with: Self.drivers) {
                #expect(target == "Gateways")
            }
            #expect(!modules.contains("Simulation"), "\(target)")
            #expect(!modules.contains("TestSupport"), "\(target)")
            #expect(modules.isDisjoint(with: Self.programs), "\(target)")
        }
    }

    @Test func `only programs read arguments, environment and signals, or end the process`() {
        let forbidden =
            /\b(getenv|secure_getenv|setenv|exit|_exit|quick_exit|abort|raise|sigaction|signal|sigprocmask|atexit)\(|\bCommandLine\b|\bProcessInfo\b|EnvironmentVariablesProvider|UnixSignal/
        for file in Project.swiftFiles(below: "Sources") where !Self.programs.contains(file.target)
        {
            #expect(file.places(of: forbidden).isEmpty)
        }
    }

    @Test func `tasks without a parent are made by the shield and the loop alone`() {
        let forbidden = /\bTask\s*\{|\bTask\(|\bTask\.detached|\bTask\.immediate|Thread\.detach/
        for file in Project.swiftFiles(below: "Sources") where file.target != "EventLoop" {
            if file.path == "Sources/Pipeline/Shield.swift" { continue }
            #expect(file.places(of: forbidden).isEmpty)
        }
        let shields = Project.swiftFiles(below: "Sources/Pipeline")
            .flatMap { $0.places(of: /\bshielded\(/) }
        #expect(shields.count == 1 && shields[0].contains("/Settlement/"), "\(shields)")
    }

    @Test func `a stage's output is made by that stage alone`() {
        let intake = Project.text("Sources/Pipeline/Intake/Intake.swift")
        #expect(intake.contains(/package final class Accepted[^}]*\{[\s\S]*?fileprivate init\(/))
        let batches = Project.text("Sources/Pipeline/Intake/BatchIntake.swift")
        #expect(
            batches.contains(/package final class AcceptedBatch[^}]*\{[\s\S]*?fileprivate init\(/)
        )
        let expansion = Project.text("Sources/Pipeline/Batches/Expansion.swift")
        #expect(expansion.contains(/package struct ExpansionStep[^}]*\{[\s\S]*?fileprivate init\(/))
        let generation = Project.text("Sources/Pipeline/Generation/Generation.swift")
        #expect(generation.contains(/package final class Draft[^}]*\{[\s\S]*?fileprivate init\(/))
        let checks = Project.text("Sources/Options/Checks/StructuralCheck.swift")
        #expect(checks.contains(/package struct SoundLegs[^}]*\{[\s\S]*?fileprivate init\(/))
    }

    @Test func `one door leads out: terminal events are made in the settlement alone`() {
        for file in Project.swiftFiles(below: "Sources") {
            let isTheirs = file.path.hasPrefix("Sources/Pipeline/Settlement/")
            if isTheirs || file.target == "Contract" { continue }
            #expect(file.places(of: /\b(TerminalEvent|DeadLetter)\(/).isEmpty)
        }
    }

    @Test func `nothing traps on purpose, and nothing is called Sendable without proof`() {
        let forbidden = /\btry!|\bas!|\bfatalError\(|\bpreconditionFailure\(/
        let unproven = /@unchecked\s+Sendable|@preconcurrency\s+import/
        for file in Project.swiftFiles(below: "Sources") {
            #expect(file.places(of: forbidden).isEmpty)
            if file.target != "EventLoop" { #expect(file.places(of: unproven).isEmpty) }
            // What the compiler is told to believe has its reason beside it.
            for (line, code) in file.code.enumerated() where code.contains("nonisolated(unsafe)") {
                let above = file.lines[max(line - 1, 0)]
                #expect(above.contains("//"), "\(file.path):\(line + 1)")
            }
        }
    }

    @Test func `metrics are declared in the catalogue alone`() {
        let declaring = /\bregistry\.(counter|gauge|histogram|info)\(/
        let files = Project.swiftFiles(below: "Sources")
        let theirs = files.filter { $0.path.hasPrefix("Sources/Telemetry/Catalogue/") }
        #expect(theirs.filter { !$0.places(of: declaring).isEmpty }.count > 3)
        for file in files where !file.path.hasPrefix("Sources/Telemetry/Catalogue/") {
            #expect(file.places(of: declaring).isEmpty)
        }
    }

    @Test func `every script says its keys, its arguments, its answer and its cost`() {
        let manifest = Project.text("Package.swift")
        let gateways = Project.swiftFiles(below: "Sources/Gateways/Redis")
            .flatMap(\.lines).joined(separator: "\n")
        let scripts = Project.files(below: "Sources/Gateways/Redis/Scripts") {
            $0.hasSuffix(".lua")
        }
        #expect(scripts.count >= 4)
        for script in scripts {
            let name = script.path.split(separator: "/").last ?? ""
            let head = script.lines.prefix { $0.hasPrefix("--") || $0.isEmpty }
                .joined(separator: "\n")
            #expect(head.hasPrefix("-- \(name.dropLast(4)): "), "\(name)")
            for word in ["KEYS", "ARGV", "Answers", "O("] {
                #expect(head.contains(word), "\(name): \(word)")
            }
            #expect(manifest.contains("Redis/Scripts/\(name)"), "\(name)")
            #expect(gateways.contains("\(name.dropLast(4))_lua"), "\(name)")
            // Who reads a script must know what it is loaded behind, and so must its tests.
            let isEnding = head.contains("\n-- Begins with ending.lua.\n")
            let isLoadedSo = gateways.contains(
                "ending(\"\(name.dropLast(4))\", PackageResources.\(name.dropLast(4))_lua)"
            )
            #expect(isEnding == isLoadedSo, "\(name)")
            // Lua prints 10¹⁵ as 1e+15, and cjson rounds: money would lose its digits.
            #expect(!script.lines.contains { !$0.hasPrefix("--") && $0.contains("cjson") })
        }
    }
}
