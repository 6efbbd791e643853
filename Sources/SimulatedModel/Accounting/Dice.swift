/// SplitMix64 (Steele, Lea, Flood 2014): chance that a seed repeats.
package struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// The `index`-th number of that seed's sequence, without the ones before it.
    package static func roll(seed: UInt64, index: UInt64) -> UInt64 {
        mix(seed &+ (index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// A number in the open interval (0, 1): 53 bits, and half a step away from both ends.
    package static func unit(_ bits: UInt64) -> Double {
        (Double(bits >> 11) + 0.5) / 9_007_199_254_740_992
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
