import ConsolePages
import JSON
package import Logging
package import Program
import Synchronization
package import Telemetry

/// What a supervisor answers over HTTP beside its health: metrics, usage, and the console, to those who
/// have signed in. This file tells who may; what is shown and done stands in the others.
package struct Console: Sendable {
    private let door: Door
    private let isSecure: Bool
    private let sessions = Sessions()
    private let watch: FleetWatch
    private let actions: DeskActions
    private let metricsPage: @Sendable (_ accept: String?) -> Page
    private let usage: Usage?
    private let streams = OpenStreams()
    private let log: Logger

    /// A user's hours, from where they are kept.
    package typealias Usage = @Sendable (_ user: String, _ query: [String: String]) async -> Reply

    package enum Limits {
        /// Consoles that are open at once; each costs a connection and some 10 KB a second.
        package static let streamsMax = 64
    }

    /// - Parameters:
    ///   - isSecure: Served with TLS.
    ///   - usage: Nil where nothing keeps it.
    package init(
        _ door: Door,
        isSecure: Bool,
        _ watch: FleetWatch,
        _ actions: DeskActions,
        metricsPage: @escaping @Sendable (_ accept: String?) -> Page,
        usage: Usage? = nil,
        log: Logger
    ) {
        self.door = door
        self.isSecure = isSecure
        self.watch = watch
        self.actions = actions
        self.metricsPage = metricsPage
        self.usage = usage
        self.log = log
    }

    package func reply(to exchange: Exchange) async -> Reply {
        await answer(exchange).adding(headers)
    }

    private func answer(_ exchange: Exchange) async -> Reply {
        guard let parts = exchange.parts else {
            return .trouble(400, "invalid_request", "the path cannot be read")
        }
        if parts.first == "assets", parts.count == 2, exchange.method == "GET" {
            return ConsolePages.asset(parts[1]).map { Reply(200, $0.contentType, $0.bytes) }
                ?? Self.unknown
        }
        guard door.canOpen else {
            return .trouble(
                403,
                "forbidden",
                "neither CONSOLE_TOKEN nor AUTH_MODE is set where this supervisor was started: "
                    + "only /health answers"
            )
        }
        if parts == ["login"], exchange.method == "POST" { return await login(exchange) }
        let who: Who
        do throws(Door.Closed) {
            who = try await self.who(exchange)
        } catch {
            return refusal(parts, exchange, error.message)
        }
        // A page of another site can send a cookie, but not this header.
        guard
            exchange.method == "GET" || who.hasToken
                || exchange.headers["x-requested-with"] == "console"
        else { return .trouble(403, "forbidden", "X-Requested-With: console is missing") }
        return await permitted(exchange, parts, who)
    }

    private func permitted(_ exchange: Exchange, _ parts: [String], _ who: Who) async -> Reply {
        let asksForUsage =
            exchange.method == "GET" && parts.count == 3 && parts[0] == "user"
            && parts[2] == "usage"
        if let user = who.user {
            guard asksForUsage, parts[1] == user else {
                return .trouble(403, "forbidden", "a user's token opens that user's usage alone")
            }
        }
        switch (exchange.method, parts) {
        case ("GET", []): return Reply(200, "text/html; charset=utf-8", ConsolePages.console)
        case ("GET", ["metrics"]): return Reply(metricsPage(exchange.headers["accept"]))
        case ("GET", ["api", "now"]): return Reply(200, "application/json", watch.now)
        case ("GET", ["api", "live"]): return live(who)
        case ("POST", ["logout"]):
            if let session = who.session { sessions.close(session) }
            return Reply(
                status: 204,
                headers: [("set-cookie", cookie("", lasts: 0))],
                body: .bytes([])
            )
        default: break
        }
        if asksForUsage {
            return await usage?(parts[1], exchange.query)
                ?? .trouble(
                    503,
                    "unavailable",
                    "usage is kept in PostgreSQL, and this supervisor has none: set DATABASE_URL"
                )
        }
        guard parts.first == "api" else { return Self.unknown }
        return await actions.reply(to: exchange, Array(parts.dropFirst()), by: who.name)
            ?? Self.unknown
    }

    private static let unknown = Reply.trouble(404, "not_found", "there is nothing here")
}

// MARK: - Who

extension Console {
    private struct Who {
        let name: String
        let hasToken: Bool
        let session: String?
        /// Whose own things are all that may be seen; nil for an operator.
        let user: String?
        /// When a bearer token ends; nil for what does not.
        let endsAt: ContinuousClock.Instant?

        init(
            name: String,
            hasToken: Bool = true,
            session: String? = nil,
            user: String? = nil,
            endsAt: ContinuousClock.Instant? = nil
        ) {
            self.name = name
            self.hasToken = hasToken
            self.session = session
            self.user = user
            self.endsAt = endsAt
        }
    }

    private static let cookieName = "strategy_console"

    private static let signIn = "sign in, or send Authorization: Bearer with an operator's token"

    private func who(_ exchange: Exchange) async throws(Door.Closed) -> Who {
        if let given = exchange.headers["authorization"] {
            let words = given.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else {
                throw Door.Closed(message: Self.signIn)
            }
            switch try await door.visitor(with: words[1]) {
            case .console: return Who(name: "console")
            case .person(let name, let left):
                return Who(name: Self.name(name), endsAt: .now + left)
            case .user(let user): return Who(name: Self.name(user), user: user)
            }
        }
        for pair in (exchange.headers["cookie"] ?? "").split(separator: ";") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, halves[0].drop(while: { $0 == " " }) == Self.cookieName,
                let session = sessions.find(String(halves[1]), now: .now)
            else { continue }
            return Who(name: session.name, hasToken: false, session: String(halves[1]))
        }
        throw Door.Closed(message: Self.signIn)
    }

    private func refusal(_ parts: [String], _ exchange: Exchange, _ message: String) -> Reply {
        let challenge = [("www-authenticate", "Bearer realm=\"strategy console\"")]
        guard exchange.method == "GET", parts.isEmpty else {
            return .trouble(401, "unauthorized", message, headers: challenge)
        }
        return Reply(401, "text/html; charset=utf-8", ConsolePages.login, headers: challenge)
    }

    private func login(_ exchange: Exchange) async -> Reply {
        let address = exchange.address ?? "unknown"
        let now = ContinuousClock.now
        if let seconds = sessions.mayTry(from: address, now: now) {
            return .trouble(
                429,
                "rate_limited",
                "too many wrong tokens: try again in \(seconds) s",
                headers: [("retry-after", "\(seconds)")]
            )
        }
        var parser = JSONParser()
        guard exchange.headers["content-type"]?.hasPrefix("application/json") == true,
            let object = try? parser.parse(exchange.body).object(),
            let given = try? object.required("token").string()
        else {
            return .trouble(400, "invalid_request", "expected JSON with a member token")
        }
        let name: String
        let life: Duration
        do throws(Door.Closed) {
            switch try await door.visitor(with: given) {
            case .console:
                name = Self.name((try? object.optional("name")?.string()) ?? "")
                life = Sessions.Limits.life
            case .person(let person, let left):
                // Whose token it is, whatever was typed; and no longer than that goes on.
                name = Self.name(person)
                life = min(left, Sessions.Limits.life)
            case .user:
                return .trouble(403, "forbidden", "the console is for operators: role is missing")
            }
        } catch {
            sessions.failed(from: address, now: now)
            log.warning("somebody gave a wrong console token", metadata: ["address": "\(address)"])
            return .trouble(401, "unauthorized", error.message)
        }
        let session = sessions.open(as: name, for: life, now: now)
        log.notice(
            "an operator signed in",
            metadata: ["by": "\(name)", "address": "\(address)"]
        )
        let seconds = Int(life / .seconds(1))
        return Reply(
            status: 204,
            headers: [("set-cookie", cookie(session, lasts: seconds))],
            body: .bytes([])
        )
    }

    /// What goes into logs and streams: printable, and short.
    private static func name(_ text: String) -> String {
        let kept = text.unicodeScalars.filter {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
                || "-_.@ ".unicodeScalars.contains($0)
        }
        var name = "console"
        for scalar in kept.prefix(Sessions.Limits.nameMax) {
            if name == "console" { name += ":" }
            name.unicodeScalars.append(scalar)
        }
        return name
    }

    private func cookie(_ value: String, lasts seconds: Int) -> String {
        "\(Self.cookieName)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    private var headers: [(name: String, value: String)] {
        var headers = [
            (
                name: "content-security-policy",
                value: "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                    + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            (name: "x-frame-options", value: "DENY"),
            (name: "referrer-policy", value: "no-referrer"),
            (name: "cross-origin-opener-policy", value: "same-origin"),
            (name: "cross-origin-resource-policy", value: "same-origin"),
            (name: "permissions-policy", value: "camera=(), geolocation=(), microphone=()"),
        ]
        if isSecure { headers.append(("strict-transport-security", "max-age=31536000")) }
        return headers
    }
}

// MARK: - Live

/// Consoles that are being told what happens.
private final class OpenStreams: Sendable {
    private let count = Atomic(0)

    /// Nil when there are too many.
    func open() -> OpenStream? {
        guard count.add(1, ordering: .relaxed).newValue <= Console.Limits.streamsMax else {
            close()
            return nil
        }
        return OpenStream(self)
    }

    func close() { count.subtract(1, ordering: .relaxed) }
}

/// One of them; counted until nobody holds it any more.
private final class OpenStream: Sendable {
    private let streams: OpenStreams
    /// What was told last; nil before the first.
    let version = Mutex<Int?>(nil)

    init(_ streams: OpenStreams) { self.streams = streams }

    deinit { streams.close() }
}

extension Console {
    /// Server-sent events: `past` once, then `now` with each look at the service.
    private func live(_ who: Who) -> Reply {
        guard let stream = streams.open() else {
            return .trouble(503, "overloaded", "too many consoles are open: close some")
        }
        let (watch, sessions) = (watch, sessions)
        return Reply(
            status: 200,
            headers: [("content-type", "text/event-stream"), ("x-accel-buffering", "no")],
            body: .stream {
                if let session = who.session, sessions.find(session, now: .now) == nil {
                    return nil
                }
                if let endsAt = who.endsAt, endsAt < .now { return nil }
                guard let last = stream.version.withLock({ $0 }) else {
                    stream.version.withLock { $0 = 0 }
                    return Self.event("past", watch.past)
                }
                guard let version = await watch.next(after: last) else { return nil }
                stream.version.withLock { $0 = version }
                return Self.event("now", watch.now)
            }
        )
    }

    private static func event(_ name: StaticString, _ json: [UInt8]) -> [UInt8] {
        Array("event: \(name)\ndata: ".utf8) + json + Array("\n\n".utf8)
    }
}
