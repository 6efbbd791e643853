/// `p = CRC16(user_id) mod PARTITIONS`, as an orchestrator in any language computes it.
package enum Partition {
    /// - Parameter count: `PARTITIONS`, at least 1.
    package static func of(userID: String, count: Int) -> Int {
        precondition(count > 0, "there is at least one partition")
        return Int(crc16(userID.utf8)) % count
    }

    /// CRC-16/XMODEM: polynomial 0x1021, initial value 0, not reflected; what Redis Cluster uses.
    /// Its check value, over `123456789`, is 0x31C3.
    package static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var remainder: UInt16 = 0
        for byte in bytes {
            remainder ^= UInt16(byte) << 8
            for _ in 0..<8 {
                remainder =
                    remainder & 0x8000 == 0 ? remainder << 1 : (remainder << 1) ^ 0x1021
            }
        }
        return remainder
    }
}
