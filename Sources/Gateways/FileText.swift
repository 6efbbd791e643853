internal import Glibc

/// Files of an operator's: small ones, read whole.
package enum FileText {
    private static let bytesMax = 1_048_576

    /// At most 1 MiB.
    package static func read(_ path: String) throws(FileError) -> [UInt8] {
        let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw FileError(description: "\(path) cannot be opened") }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(fd, &chunk, chunk.count)
            guard count >= 0 else { throw FileError(description: "\(path) cannot be read") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= bytesMax else {
                throw FileError(description: "\(path) is larger than 1 MiB")
            }
        }
    }

    /// When a file was last written and how large it is; nil where there is none.
    package static func stamp(_ path: String) -> Stamp? {
        var facts = stat()
        guard unsafe fstatat(AT_FDCWD, path, &facts, 0) == 0 else { return nil }
        return Stamp(
            seconds: facts.st_mtim.tv_sec,
            nanoseconds: facts.st_mtim.tv_nsec,
            bytes: Int(facts.st_size),
            inode: UInt64(facts.st_ino)
        )
    }

    package struct Stamp: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int
        let bytes: Int
        let inode: UInt64
    }
}

package struct FileError: Error, CustomStringConvertible {
    package let description: String
}
