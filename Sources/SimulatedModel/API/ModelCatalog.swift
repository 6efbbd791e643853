/// One model that the simulator serves, as the vendor's published tables describe it.
package struct SimulatedModelEntry: Sendable, Equatable {
    package enum Family: Sendable, Equatable {
        /// `max_tokens`, any temperature, no `json_schema`.
        case legacy
        /// Either name of the cap, any temperature, `json_schema`.
        case omni
        /// `max_completion_tokens` only, temperature 1 only, no `stop`.
        case reasoning
    }

    /// The name that answers carry: the dated snapshot, where the vendor has one.
    package let snapshot: String
    /// Undated names that point at this snapshot.
    package let aliases: [String]
    package let family: Family
    package let acceptsJSONSchema: Bool
    package let contextTokensMax: Int
    package let completionTokensMax: Int
    /// Prompts of 1,024 tokens and more are cached by prefix.
    package let cachesPrompts: Bool
    /// Tokens written into the cache are reported (and billed) apart.
    package let reportsCacheWrites: Bool
    /// ISO date, or nil while none is announced.
    package let shutdownDate: String?
    /// When the vendor says the model was made, in seconds since 1970.
    package let created: Int
}

/// The models of our price table, under all their names.
///
/// Data: `openai.md`, “Prices”, as of November 2026. All of them answer unless
/// `SIMULATOR_SHUTDOWN_MODELS` says otherwise: the seed's default model is gone at the vendor's, and
/// a program must still be testable with its own default.
package struct ModelCatalog: Sendable {
    package let entries: [SimulatedModelEntry]
    private let byName: [String: Int]
    private let shutDown: Set<String>

    package enum Lookup: Equatable {
        case live(SimulatedModelEntry)
        case shutDown
        case unknown
    }

    /// - Parameter shutDown: Names that are gone. A snapshot's name takes its aliases with it; an
    ///   alias goes alone, as `gpt-4-turbo-preview` did half a year before its siblings.
    package init(shutDown: Set<String> = []) {
        entries = Self.published
        var byName: [String: Int] = [:]
        for (i, entry) in entries.enumerated() {
            for name in [entry.snapshot] + entry.aliases { byName[name] = i }
        }
        self.byName = byName
        self.shutDown = shutDown
    }

    package func find(_ name: String) -> Lookup {
        guard let i = byName[name] else { return shutDown.contains(name) ? .shutDown : .unknown }
        let entry = entries[i]
        if shutDown.contains(name) || shutDown.contains(entry.snapshot) { return .shutDown }
        return .live(entry)
    }

    /// Every live name, snapshots and aliases, in the order of the table.
    package var liveNames: [(name: String, entry: SimulatedModelEntry)] {
        entries.flatMap { entry in
            ([entry.snapshot] + entry.aliases).compactMap { name in
                if case .live = find(name) { (name, entry) } else { nil }
            }
        }
    }

    private static func legacy(
        _ snapshot: String,
        _ aliases: [String],
        context: Int = 128_000,
        gone: String,
        created: Int
    ) -> SimulatedModelEntry {
        SimulatedModelEntry(
            snapshot: snapshot,
            aliases: aliases,
            family: .legacy,
            acceptsJSONSchema: false,
            contextTokensMax: context,
            completionTokensMax: 4096,
            cachesPrompts: false,
            reportsCacheWrites: false,
            shutdownDate: gone,
            created: created
        )
    }

    private static func omni(
        _ snapshot: String,
        _ aliases: [String],
        context: Int,
        completion: Int,
        gone: String,
        created: Int
    ) -> SimulatedModelEntry {
        SimulatedModelEntry(
            snapshot: snapshot,
            aliases: aliases,
            family: .omni,
            acceptsJSONSchema: true,
            contextTokensMax: context,
            completionTokensMax: completion,
            cachesPrompts: true,
            reportsCacheWrites: false,
            shutdownDate: gone,
            created: created
        )
    }

    private static func reasoning(
        _ snapshot: String,
        writes: Bool = true,
        context: Int = 1_050_000,
        created: Int
    ) -> SimulatedModelEntry {
        SimulatedModelEntry(
            snapshot: snapshot,
            aliases: [],
            family: .reasoning,
            acceptsJSONSchema: true,
            contextTokensMax: context,
            completionTokensMax: 128_000,
            cachesPrompts: true,
            reportsCacheWrites: writes,
            shutdownDate: nil,
            created: created
        )
    }

    private static let published: [SimulatedModelEntry] = [
        legacy(
            "gpt-4-turbo-2024-04-09",
            ["gpt-4-turbo"],
            gone: "2026-10-23",
            created: 1_712_601_677
        ),
        legacy(
            "gpt-4-0125-preview",
            ["gpt-4-turbo-preview"],
            gone: "2026-03-26",
            created: 1_706_037_777
        ),
        legacy("gpt-4-1106-preview", [], gone: "2026-10-23", created: 1_698_957_206),
        legacy(
            "gpt-3.5-turbo-0125",
            ["gpt-3.5-turbo"],
            context: 16_385,
            gone: "2026-10-23",
            created: 1_706_048_358
        ),
        SimulatedModelEntry(
            snapshot: "gpt-4o-2024-05-13",
            aliases: [],
            family: .omni,
            acceptsJSONSchema: false,
            contextTokensMax: 128_000,
            completionTokensMax: 4096,
            cachesPrompts: false,
            reportsCacheWrites: false,
            shutdownDate: "2026-10-23",
            created: 1_715_368_132
        ),
        omni(
            "gpt-4o-2024-08-06",
            ["gpt-4o"],
            context: 128_000,
            completion: 16_384,
            gone: "2027-01-14",
            created: 1_722_814_719
        ),
        omni(
            "gpt-4o-2024-11-20",
            [],
            context: 128_000,
            completion: 16_384,
            gone: "2027-01-14",
            created: 1_739_331_543
        ),
        omni(
            "gpt-4o-mini-2024-07-18",
            ["gpt-4o-mini"],
            context: 128_000,
            completion: 16_384,
            gone: "2027-01-14",
            created: 1_721_172_717
        ),
        omni(
            "gpt-4.1-2025-04-14",
            ["gpt-4.1"],
            context: 1_047_576,
            completion: 32_768,
            gone: "2027-01-14",
            created: 1_744_315_746
        ),
        omni(
            "gpt-4.1-mini-2025-04-14",
            ["gpt-4.1-mini"],
            context: 1_047_576,
            completion: 32_768,
            gone: "2027-01-14",
            created: 1_744_317_547
        ),
        omni(
            "gpt-4.1-nano-2025-04-14",
            ["gpt-4.1-nano"],
            context: 1_047_576,
            completion: 32_768,
            gone: "2026-10-23",
            created: 1_744_321_025
        ),
        reasoning("gpt-5.6-sol", created: 1_782_864_000),
        reasoning("gpt-5.6-terra", created: 1_782_864_000),
        reasoning("gpt-5.6-luna", created: 1_782_864_000),
        reasoning("gpt-6-sol", created: 1_790_812_800),
        reasoning("gpt-6-luna", created: 1_790_812_800),
        reasoning("gpt-6.1-terra", created: 1_793_491_200),
    ]
}
