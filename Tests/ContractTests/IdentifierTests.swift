import Contract
import TestSupport
import Testing

struct IdentifierTests {
    @Test(arguments: ["a", "A-z_0.9:x", String(repeating: "x", count: 128), "-", "."])
    func `what the contract allows is a request id`(text: String) {
        #expect(RequestID(text)?.text == text)
    }

    @Test(arguments: [
        "", " ", "a b", "a\n", "a/b", "{a}", "ä", "a\u{0}", String(repeating: "x", count: 129),
        "a%b",
    ])
    func `all else is none`(text: String) {
        #expect(RequestID(text) == nil)
    }

    @Test func `every single byte is either allowed or not, as the contract lists them`() {
        let allowed = Set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:".utf8
        )
        for byte in UInt8.min...UInt8.max {
            #expect((RequestID([byte]) != nil) == allowed.contains(byte), "byte \(byte)")
        }
    }

    @Test(arguments: [
        ("0-0", 0, 0), ("1-2", 1, 2), ("1789000000000-0", 1_789_000_000_000, 0),
        ("18446744073709551615-18446744073709551615", UInt64.max, UInt64.max),
        ("007-01", 7, 1),
    ])
    func `an entry id is two numbers around a hyphen`(text: String, ms: UInt64, sequence: UInt64) {
        #expect(EntryID(text.utf8) == EntryID(milliseconds: ms, sequence: sequence))
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-1", "1-2-3", "1-2 ", "+1-2", "1--2", "a-b",
        "18446744073709551616-0", "0-18446744073709551616", "99999999999999999999999-0",
    ])
    func `anything else is no entry id`(text: String) {
        #expect(EntryID(text.utf8) == nil)
    }

    @Test func `entry ids are ordered as Redis orders them, and print as it prints them`() {
        let ids = [(1, 9), (2, 0), (2, 1), (10, 0)].map {
            EntryID(milliseconds: UInt64($0.0), sequence: UInt64($0.1))
        }
        #expect(ids.shuffled().sorted() == ids)
        for id in ids { #expect(EntryID(id.description.utf8) == id) }
    }

    @Test func `random bytes are an identifier or nil, and never a trap`() {
        var dice = Dice(seed: 1)
        for _ in 0..<20_000 {
            let bytes = (0..<dice.roll(40)).map { _ in UInt8(dice.roll(256)) }
            if let id = RequestID(bytes) { #expect(Array(id.text.utf8) == bytes) }
            let digits = (0..<dice.roll(44)).map { _ in Array("0123456789-".utf8)[dice.roll(11)] }
            if let id = EntryID(digits) { #expect(EntryID(id.description.utf8) == id) }
        }
    }
}

struct PartitionTests {
    @Test(arguments: [
        ("", 0x0000), ("123456789", 0x31C3), ("A", 0x58E5), ("user123", 0x747E),
        ("user1000", 0x4D73), ("foo", 0xAF96),
    ])
    func `the CRC is CRC-16/XMODEM`(text: String, crc: Int) {
        // `foo` is in slot 12182 and `user1000` in 3443 by the Redis Cluster specification.
        #expect(Int(Partition.crc16(text.utf8)) == crc, "\(Partition.crc16(text.utf8))")
    }

    @Test func `it is the one by which Redis Cluster finds slots`() {
        #expect(Partition.of(userID: "foo", count: 16_384) == 12_182)
        #expect(Partition.of(userID: "user1000", count: 16_384) == 3_443)
    }

    @Test func `a partition is within its count, and one partition holds all`() {
        var dice = Dice(seed: 2)
        for _ in 0..<2_000 {
            let user = String(
                (0..<dice.roll(30)).map { _ in Character(Unicode.Scalar(UInt8(dice.roll(128)))) }
            )
            let count = 1 + dice.roll(1_024)
            #expect((0..<count).contains(Partition.of(userID: user, count: count)))
            #expect(Partition.of(userID: user, count: 1) == 0)
        }
    }
}

struct KeyTests {
    @Test func `keys are those of the contract`() throws {
        let keys = Keys(prefix: "strategy", partition: 3)
        let id = try #require(RequestID("r-1"))
        #expect(Queue.allCases.map(\.rawValue) == ["retry", "high", "normal", "low"])
        #expect(keys.requests(.normal) == "strategy:{3}:requests:normal")
        #expect(keys.requests(.retry) == "strategy:{3}:requests:retry")
        #expect(keys.reply(id) == "strategy:{3}:reply:r-1")
        #expect(keys.dead == "strategy:{3}:dead")
    }

    @Test func `all keys of a partition lie in one slot of a cluster`() throws {
        let keys = Keys(prefix: "any", partition: 17)
        let id = try #require(RequestID("a:b.c"))
        for key in Queue.allCases.map(keys.requests) + [keys.reply(id), keys.dead] {
            let tag = key.split(separator: "{")[1].split(separator: "}")[0]
            #expect(tag == "17")
        }
    }
}
