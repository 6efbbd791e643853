import Desk
import Glibc
import Synchronization

/// How far a long command is: a bar on a terminal, a line now and then elsewhere.
final class ProgressLine: Sendable {
    enum Place: Sendable {
        case standardError
        case silent
    }

    private let place: Place
    private let isTerminal: Bool
    private let drawn = Mutex<(at: ContinuousClock.Instant, isOpen: Bool)?>(nil)

    static let silent = ProgressLine(.silent)

    private enum Pause {
        static let onTerminal = Duration.milliseconds(100)
        static let elsewhere = Duration.seconds(10)
    }

    init(_ place: Place) {
        self.place = place
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    /// - Parameter text: What stands behind the bar.
    func show(_ done: Int, of all: Int, _ text: @autoclosure () -> String) {
        guard case .standardError = place else { return }
        let now = ContinuousClock.now
        let pause = isTerminal ? Pause.onTerminal : Pause.elsewhere
        let isDue = drawn.withLock { drawn in
            if let drawn, now - drawn.at < pause { return false }
            drawn = (now, isTerminal)
            return true
        }
        guard isDue else { return }
        if isTerminal {
            put("\r\u{1B}[K" + Self.line(done, all, text(), width: Self.width()))
        } else {
            put("\(done) of \(all) answered, \(text())\n")
        }
    }

    /// Says a line beside the bar, which goes on below it.
    func say(_ line: String) {
        guard case .standardError = place else { return }
        put((isTerminal ? "\r\u{1B}[K" : "") + line + "\n")
    }

    /// Leaves the terminal's line clean.
    func end() {
        let wasOpen = drawn.withLock { drawn in
            defer { drawn = nil }
            return drawn?.isOpen ?? false
        }
        if wasOpen { put("\r\u{1B}[K") }
    }

    static func line(_ done: Int, _ all: Int, _ text: String, width: Int) -> String {
        let share = all == 0 ? 1 : Double(done) / Double(all)
        let bar = min(30, max(10, width / 4))
        let full = Int((share * Double(bar)).rounded(.down))
        let drawn = String(repeating: "#", count: full) + String(repeating: ".", count: bar - full)
        let percent = Int((share * 100).rounded(.down))
        return String("[\(drawn)] \(done)/\(all) \(percent) %  \(text)".prefix(max(width - 1, 20)))
    }

    private static func width() -> Int {
        var size = winsize()
        guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return 80
        }
        return Int(size.ws_col)
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}
