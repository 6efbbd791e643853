import JSON
import TestSupport
import Testing

@Suite struct ChanceTests {
    @Test(arguments: 0..<8)
    func `What is written is read back the same, to the bit`(seed: Int) throws {
        var dice = Dice(seed: UInt64(seed))
        var parser = JSONParser()
        for _ in 0..<250 {
            let sample = Sample(from: &dice)
            let value = try parser.parse(sample.bytes)
            #expect(try Sample(value) == sample)
            #expect(try Sample(parser.parse(value.bytes())) == sample)
            // The canonical form is its own canonical form.
            let canonical = value.canonicalBytes()
            #expect(try parser.parse(canonical).canonicalBytes() == canonical)
        }
    }

    /// Follows a JSON Pointer as RFC 6901 says, not as the target does it.
    private func follow(_ pointer: String, from root: JSONValue) throws -> JSONValue {
        var value = root
        for token in pointer.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
            .dropFirst()
        {
            let key = text(Array(token)).replacing("~1", with: "/").replacing("~0", with: "~")
            if value.kind == .array {
                value = Array(try value.array())[try #require(Int(key))]
            } else {
                value = try #require(try value.object()[named: key])
            }
        }
        return value
    }

    private func children(of value: JSONValue) throws -> [JSONValue] {
        switch value.kind {
        case .array: Array(try value.array())
        case .object: try value.object().map { $0.value }
        default: []
        }
    }

    @Test(arguments: 0..<4)
    func `Every value's pointer leads to it`(seed: Int) throws {
        var dice = Dice(seed: UInt64(seed))
        var followed = 0
        while followed < 300 {
            let root = try parse(Sample(from: &dice).bytes)
            var pending = [root]
            while let value = pending.popLast() {
                let found = try follow(value.pointer, from: root)
                #expect(found.pointer == value.pointer)
                #expect(found.bytes() == value.bytes())
                pending += try children(of: value)
                followed += 1
            }
        }
    }

    @Test func `Doubles of every magnitude come back with the same bits`() throws {
        var dice = Dice(seed: 53)
        var parser = JSONParser()
        for _ in 0..<20_000 {
            let number = Sample.finiteDouble(from: &dice)
            var writer = JSONWriter()
            writer.value(number)
            let back = try parser.parse(writer.finish()).double()
            #expect(back.bitPattern == number.bitPattern)
        }
    }

    @Test func `A damaged document is refused or read, and what is read can be written`() throws {
        var dice = Dice(seed: 1_000)
        var parser = JSONParser()
        let alphabet =
            Array("{}[]:,\"\\u0e.-+tfn \n".utf8) + [0, 0x1F, 0x80, 0xC3, 0xED, 0xF0, 0xFF]
        var originals: [[UInt8]] = []
        while originals.count < 50 {
            let bytes = Sample(from: &dice).bytes
            if (20...2_000).contains(bytes.count) { originals.append(bytes) }
        }
        var (read, refused) = (0, 0)
        for turn in 0..<100_000 {
            var bytes = originals[turn % originals.count]
            for _ in 0..<Int.random(in: 1...3, using: &dice) where !bytes.isEmpty {
                let at = Int.random(in: bytes.indices, using: &dice)
                switch Int.random(in: 0..<5, using: &dice) {
                case 0: bytes[at] = alphabet.randomElement(using: &dice) ?? 0
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
                case 2: bytes.remove(at: at)
                case 3: bytes.insert(alphabet.randomElement(using: &dice) ?? 0, at: at)
                default: bytes.removeSubrange(at...)
                }
            }
            do {
                let value = try parser.parse(bytes)
                read += 1
                let again = value.bytes()
                #expect(try parser.parse(again).bytes() == again)
            } catch {
                refused += 1
                #expect(error.code != .outOfMemory)
            }
        }
        // Damage inside strings and digits leaves valid JSON; both must happen for this to test.
        #expect(read > 5_000)
        #expect(refused > 20_000)
    }
}
