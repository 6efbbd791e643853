import Glibc

/// Where a process that took a free port tells which.
enum PortFile {
    /// Written beside its place and moved there, so that nobody reads half a number.
    static func write(_ port: Int, to path: String) -> Bool {
        let draft = "\(path).\(getpid())"
        let fd = unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard fd >= 0 else { return false }
        let text = Array("\(port)\n".utf8)
        let written = unsafe Glibc.write(fd, text, text.count)
        close(fd)
        guard written == text.count else { return false }
        return unsafe rename(draft, path) == 0
    }
}
