import Glibc

/// A terminal that is drawn on as a whole, and left as it was found.
struct Screen: Sendable {
    private let before: termios

    /// Nil where standard output is no terminal.
    static func open() -> Screen? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        let screen = Screen(before: settings)
        // Keys come one by one and unseen; Ctrl-C is a key, so that all can be put back.
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        screen.put("\u{1B}[?1049h\u{1B}[?25l")
        return screen
    }

    func close() {
        put("\u{1B}[?25h\u{1B}[?1049l")
        var settings = before
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// Columns and rows.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// From the top left; what does not fit below is left out.
    func draw(_ lines: [String]) {
        let (_, height) = size
        let shown = lines.prefix(max(height - 1, 1)).map { "\($0)\u{1B}[K\r\n" }.joined()
        put("\u{1B}[H\(shown)\u{1B}[J")
    }

    /// - Returns: False when somebody wants to leave: `q`, Ctrl-C, Ctrl-D, or a terminal that is gone.
    func wait(_ time: Duration) async throws -> Bool {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end {
            var poll = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            if unsafe Glibc.poll(&poll, 1, 0) > 0 {
                var key: UInt8 = 0
                guard unsafe read(STDIN_FILENO, &key, 1) == 1 else { return false }
                if [UInt8(ascii: "q"), 3, 4].contains(key) { return false }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return true
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe write(STDOUT_FILENO, bytes, bytes.count)
    }
}
