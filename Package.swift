// swift-tools-version: 6.2
import PackageDescription

// hiredis has TLS only where libhiredis-ssl exists (Ubuntu 24.04, Debian 13). The Makefile sets
// this when `pkg-config --exists hiredis_ssl`; without it `rediss://` is a clear start-up error.
let hiredisTLS = Context.environment["HIREDIS_TLS"] == "1"

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser",
    package: "swift-argument-parser"
)
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let collections: Target.Dependency = .product(
    name: "DequeModule",
    package: "swift-collections"
)
let configuration: Target.Dependency = .product(
    name: "Configuration",
    package: "swift-configuration"
)
let histogram: Target.Dependency = .product(
    name: "Histogram",
    package: "hdrhistogram-swift"
)
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(
    name: "HummingbirdCore",
    package: "hummingbird"
)
let hummingbirdTLS: Target.Dependency = .product(name: "HummingbirdTLS", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle"
)
let unixSignals: Target.Dependency = .product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")

/// A room of the house: a library target, or its tests.
func room(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: house)
}
func tests(
    _ name: String,
    _ dependencies: [Target.Dependency],
    exclude: [String] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: house)
}
func program(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: path,
        swiftSettings: house
    )
}

let package = Package(
    name: "gpt4-strategy",
    products: [
        .executable(name: "strategy-worker", targets: ["Worker"]),
        .executable(name: "strategy-supervisor", targets: ["Supervisor"]),
        .executable(name: "strategyctl", targets: ["Operator"]),
        .executable(name: "openai-simulator", targets: ["SimulatedModel"]),
        .executable(name: "strategy-bench", targets: ["Benchmarks"]),
        .executable(name: "bench-yardstick", targets: ["Yardstick"]),
        .executable(name: "validator-bench", targets: ["ValidatorBench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration",
            from: "1.4.0",
            traits: []
        ),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: []
        ),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            from: "2.13.0"
        ),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // C made callable.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CCurl"),
        .systemLibrary(name: "CLibpq"),
        .target(
            name: "CHiredis",
            cSettings: hiredisTLS ? [.define("HIREDIS_TLS")] : [],
            linkerSettings: [.linkedLibrary("hiredis")]
                + (hiredisTLS
                    ? [
                        .linkedLibrary("hiredis_ssl"), .linkedLibrary("ssl"),
                        .linkedLibrary("crypto"),
                    ] : [])
        ),
        // The files that training writes, as bytes; what #embed reads is no source of its own.
        .target(
            name: "CScreening",
            exclude: ["folding.bin", "lexicon.txt", "policy.txt", "weights.bin"]
        ),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),

        // The loop, and a driver for each library.
        room("EventLoop", ["CLinux"]),
        room("Redis", ["CHiredis", "CLinux", "EventLoop", "Secrets"]),
        room("HTTPClient", ["CCurl", "EventLoop"]),
        room("Postgres", ["CLibpq", "EventLoop", "Secrets"]),
        room("JSON", ["CSimdjson"]),

        // Values: no I/O, no clock, no task.
        room("Release"),
        room("Secrets"),
        room("Options"),
        room("Contract", ["JSON", "Options", crypto]),
        room("Policy", ["CScreening", "Contract", "Options"]),

        // Who a token says somebody is.
        room("Authorization", ["Contract", "Policy", crypto, jwtKit]),

        // The pipeline, and its ports made real.
        room("Pipeline", ["Contract", "JSON", "Options", "Policy"]),
        room("Telemetry", ["Contract", coreMetrics, logging]),
        room(
            "Gateways",
            [
                "Authorization", "Contract", "EventLoop", "HTTPClient", "JSON", "Options",
                "Pipeline", "Policy", "Postgres", "Redis", "Secrets", "Telemetry", logging,
            ],
            resources: [
                .embedInCode("OpenAI/models.json"),
                .embedInCode("Postgres/Queries/audit_insert.sql"),
                .embedInCode("Postgres/Queries/audit_page.sql"),
                .embedInCode("Postgres/Queries/ledger_advance.sql"),
                .embedInCode("Postgres/Queries/ledger_begin_epoch.sql"),
                .embedInCode("Postgres/Queries/ledger_ended.sql"),
                .embedInCode("Postgres/Queries/ledger_hour.sql"),
                .embedInCode("Postgres/Queries/ledger_insert.sql"),
                .embedInCode("Postgres/Queries/ledger_known.sql"),
                .embedInCode("Postgres/Queries/ledger_lock.sql"),
                .embedInCode("Postgres/Queries/ledger_missing.sql"),
                .embedInCode("Postgres/Queries/ledger_sums.sql"),
                .embedInCode("Postgres/Queries/profile_changes.sql"),
                .embedInCode("Postgres/Queries/profile_set.sql"),
                .embedInCode("Postgres/Queries/usage_hours.sql"),
                .embedInCode("Postgres/Queries/usage_models.sql"),
                .embedInCode("Postgres/Queries/usage_rejections.sql"),
                .embedInCode("Postgres/Queries/usage_totals.sql"),
                .embedInCode("Prompts/free-form.schema.json"),
                .embedInCode("Prompts/free-form.txt"),
                .embedInCode("Prompts/menu-fast.schema.json"),
                .embedInCode("Prompts/menu-fast.txt"),
                .embedInCode("Prompts/menu-full.schema.json"),
                .embedInCode("Prompts/menu-full.txt"),
                .embedInCode("Prompts/menu.txt"),
                .embedInCode("Prompts/repair.txt"),
                .embedInCode("Prompts/system.txt"),
                .embedInCode("Redis/Scripts/abandon.lua"),
                .embedInCode("Redis/Scripts/admit.lua"),
                .embedInCode("Redis/Scripts/allowance.lua"),
                .embedInCode("Redis/Scripts/breaker.lua"),
                .embedInCode("Redis/Scripts/bury.lua"),
                .embedInCode("Redis/Scripts/call.lua"),
                .embedInCode("Redis/Scripts/cancel.lua"),
                .embedInCode("Redis/Scripts/cancel_batch.lua"),
                .embedInCode("Redis/Scripts/carried.lua"),
                .embedInCode("Redis/Scripts/close_batch.lua"),
                .embedInCode("Redis/Scripts/commit.lua"),
                .embedInCode("Redis/Scripts/control.lua"),
                .embedInCode("Redis/Scripts/ending.lua"),
                .embedInCode("Redis/Scripts/epoch.lua"),
                .embedInCode("Redis/Scripts/event.lua"),
                .embedInCode("Redis/Scripts/expand_batch.lua"),
                .embedInCode("Redis/Scripts/expire.lua"),
                .embedInCode("Redis/Scripts/fail.lua"),
                .embedInCode("Redis/Scripts/find.lua"),
                .embedInCode("Redis/Scripts/held.lua"),
                .embedInCode("Redis/Scripts/join.lua"),
                .embedInCode("Redis/Scripts/lease.lua"),
                .embedInCode("Redis/Scripts/load.lua"),
                .embedInCode("Redis/Scripts/measure.lua"),
                .embedInCode("Redis/Scripts/peek.lua"),
                .embedInCode("Redis/Scripts/reap.lua"),
                .embedInCode("Redis/Scripts/rebuild.lua"),
                .embedInCode("Redis/Scripts/rebuild_global.lua"),
                .embedInCode("Redis/Scripts/remind.lua"),
                .embedInCode("Redis/Scripts/requeue.lua"),
                .embedInCode("Redis/Scripts/reserve_global.lua"),
                .embedInCode("Redis/Scripts/settle_global.lua"),
                .embedInCode("Redis/Scripts/share.lua"),
                .embedInCode("Redis/Scripts/take.lua"),
                .embedInCode("Redis/Scripts/weigh.lua"),
            ]
        ),

        // What operators look at.
        room(
            "Desk",
            [
                "Contract", "Gateways", "JSON", "Options", "Policy", "Redis", "Secrets",
                "Telemetry",
            ]
        ),
        room(
            "ConsolePages",
            resources: [
                .embedInCode("charts.js"),
                .embedInCode("console.css"),
                .embedInCode("console.html"),
                .embedInCode("console.js"),
                .embedInCode("icon.svg"),
                .embedInCode("login.html"),
                .embedInCode("login.js"),
                .embedInCode("panels.js"),
            ]
        ),

        // The schema of PostgreSQL.
        .target(
            name: "Migrations",
            path: "migrations",
            resources: [
                .embedInCode("0001_ledger.down.sql"),
                .embedInCode("0001_ledger.up.sql"),
                .embedInCode("0002_audit.down.sql"),
                .embedInCode("0002_audit.up.sql"),
                .embedInCode("0003_profiles.down.sql"),
                .embedInCode("0003_profiles.up.sql"),
            ],
            swiftSettings: house
        ),

        // Programs, and what the long-running ones have alike.
        room(
            "Program",
            [
                "Authorization", "EventLoop", "Gateways", "Policy", "Postgres", "Redis", "Secrets",
                "Telemetry", configuration, httpTypes, hummingbird, hummingbirdCore,
                hummingbirdTLS, lifecycle, logging, nioCore, nioSSL,
            ]
        ),
        program(
            "Worker",
            [
                "Authorization", "Contract", "EventLoop", "Gateways", "HTTPClient", "Options",
                "Pipeline", "Policy", "Postgres", "Program", "Redis", "Release", "Secrets",
                "Telemetry", argumentParser, collections, configuration, lifecycle, logging,
                unixSignals,
            ]
        ),
        program(
            "Supervisor",
            [
                "Authorization", "ConsolePages", "Contract", "Desk", "EventLoop", "Gateways",
                "HTTPClient", "JSON", "Policy", "Postgres", "Program", "Redis", "Release",
                "Secrets", "Telemetry", argumentParser, configuration, lifecycle, logging,
                unixSignals,
            ]
        ),
        program(
            "Operator",
            [
                "Authorization", "Contract", "Desk", "EventLoop", "Gateways", "JSON",
                "Migrations", "Options", "Pipeline", "Policy", "Postgres", "Redis", "Release",
                "Secrets", "Telemetry", argumentParser, crypto, histogram,
            ]
        ),
        program(
            "SimulatedModel",
            ["Release", argumentParser, httpTypes, hummingbird, logging, nioCore]
        ),

        // Tests.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: house),
        tests("EventLoopTests", ["EventLoop", "TestSupport"]),
        tests("RedisTests", ["EventLoop", "Redis", "TestSupport"]),
        tests("PostgresTests", ["EventLoop", "Postgres", "TestSupport"]),
        tests("HTTPClientTests", ["EventLoop", "HTTPClient", "TestSupport"]),
        tests("JSONTests", ["JSON", "TestSupport"]),
        .target(
            name: "Corpus",
            dependencies: ["Options", "TestSupport"],
            path: "Tests/Corpus",
            swiftSettings: house
        ),
        tests("OptionsTests", ["Corpus", "Options", "TestSupport"], exclude: ["Oracle"]),
        tests("ContractTests", ["Contract", "JSON", "Options", "TestSupport"]),
        tests("PolicyTests", ["Contract", "Options", "Policy", "TestSupport"]),
        tests(
            "PipelineTests",
            ["Contract", "Corpus", "JSON", "Options", "Pipeline", "Policy", "TestSupport"]
        ),
        tests(
            "GatewaysTests",
            [
                "Authorization", "Contract", "EventLoop", "Gateways", "HTTPClient", "JSON",
                "Migrations", "Options", "Pipeline", "Policy", "Postgres", "Redis", "Secrets",
                "Telemetry", "TestSupport", logging,
            ]
        ),
        tests(
            "SupervisorTests",
            [
                "Authorization", "Contract", "Desk", "EventLoop", "Gateways", "Policy", "Program",
                "Redis", "Supervisor", "Telemetry", "TestSupport", crypto, logging,
            ]
        ),
        tests(
            "SimulatedModelTests",
            ["SimulatedModel", "TestSupport"],
            exclude: ["chat_schemas.json", "requirements.txt", "sdk_check.py"]
        ),
        tests("AuthorizationTests", ["Authorization", "Contract", "Policy", crypto, jwtKit]),
        tests("TelemetryTests", ["Contract", "Telemetry", "TestSupport", coreMetrics, logging]),
        tests("IntegrationTests", ["TestSupport", crypto]),
        tests("TidyTests", []),

        // What the rules find, and what they cost.
        program(
            "ValidatorBench",
            path: "Tests/ValidatorBench",
            ["Corpus", "Options", "TestSupport", argumentParser]
        ),

        // The bench, and the C program it is measured beside.
        .executableTarget(
            name: "Yardstick",
            path: "Tests/Benchmarks/Yardstick",
            linkerSettings: [.linkedLibrary("hiredis"), .linkedLibrary("curl")]
        ),
        program(
            "Benchmarks",
            path: "Tests/Benchmarks/Benchmarks",
            [
                "Contract", "EventLoop", "Gateways", "Policy", "Redis", "Release", "TestSupport",
                argumentParser, histogram, unixSignals,
            ]
        ),
    ]
)
