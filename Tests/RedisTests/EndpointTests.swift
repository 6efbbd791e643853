import EventLoop
import Redis
import Testing

@Suite struct EndpointTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let url: String
        let place: RedisEndpoint.Place
        var usesTLS = false
        var user: String?
        var database = 0
        var shown: String
        var testDescription: String { url }
    }

    static let rows: [Row] = [
        Row(url: "redis://h", place: .tcp(host: "h", port: 6379), shown: "redis://h:6379"),
        Row(url: "redis://h/", place: .tcp(host: "h", port: 6379), shown: "redis://h:6379"),
        Row(url: "REDIS://h:1", place: .tcp(host: "h", port: 1), shown: "redis://h:1"),
        Row(
            url: "rediss://a.example:6380/3",
            place: .tcp(host: "a.example", port: 6380),
            usesTLS: true,
            database: 3,
            shown: "rediss://a.example:6380/3"
        ),
        Row(
            url: "redis://h?db=4",
            place: .tcp(host: "h", port: 6379),
            database: 4,
            shown: "redis://h:6379/4"
        ),
        Row(
            url: "redis://u:p%40%3A%2F@h:7/1",
            place: .tcp(host: "h", port: 7),
            user: "u",
            database: 1,
            shown: "redis://u:***@h:7/1"
        ),
        Row(
            url: "redis://:secret@h",
            place: .tcp(host: "h", port: 6379),
            shown: "redis://:***@h:6379"
        ),
        Row(
            url: "redis://:p@ss@h",
            place: .tcp(host: "h", port: 6379),
            shown: "redis://:***@h:6379"
        ),
        Row(
            url: "redis://alone@h",
            place: .tcp(host: "h", port: 6379),
            user: "alone",
            shown: "redis://***@h:6379"
        ),
        Row(
            url: "redis://%C3%A9:x@h",
            place: .tcp(host: "h", port: 6379),
            user: "é",
            shown: "redis://é:***@h:6379"
        ),
        Row(
            url: "redis://[::1]:70",
            place: .tcp(host: "::1", port: 70),
            shown: "redis://[::1]:70"
        ),
        Row(
            url: "redis://u:p@[fe80::1%25eth0]/2",
            place: .tcp(host: "fe80::1%25eth0", port: 6379),
            user: "u",
            database: 2,
            shown: "redis://u:***@[fe80::1%25eth0]:6379/2"
        ),
        Row(
            url: "unix:///run/r.sock",
            place: .unix(path: "/run/r.sock"),
            shown: "unix:///run/r.sock"
        ),
        Row(
            url: "unix://u:p@/a%20b?db=9",
            place: .unix(path: "/a b"),
            user: "u",
            database: 9,
            shown: "unix://u:***@/a b?db=9"
        ),
    ]

    @Test(arguments: rows) func `a URL is read, and shown without its password`(_ row: Row) throws {
        let endpoint = try RedisEndpoint(url: row.url)
        #expect(endpoint.place == row.place)
        #expect(endpoint.usesTLS == row.usesTLS)
        #expect(endpoint.user == row.user)
        #expect(endpoint.database == row.database)
        #expect("\(endpoint)" == row.shown)
        #expect(String(reflecting: endpoint) == row.shown)
    }

    @Test(arguments: [
        ("", RedisEndpointError.notAURL),
        ("localhost:6379", .notAURL),
        ("hunter2@h", .notAURL),
        ("http://h", .unknownScheme("http")),
        ("hunter2://h", .notAURL),
        ("redis://", .missingHost),
        ("redis://:hunter2@", .missingHost),
        ("redis://u:hunter2@:6379", .missingHost),
        ("redis://::1", .malformedHost),
        ("redis://[::1", .malformedHost),
        ("redis://[h]", .malformedHost),
        ("redis://[::1]x", .malformedHost),
        ("redis://a b", .malformedHost),
        ("redis://a%00b", .malformedHost),
        ("redis://h:0", .malformedPort),
        ("redis://h:", .malformedPort),
        ("redis://h:65536", .malformedPort),
        ("redis://h:+1", .malformedPort),
        ("redis://h:99999999999999999999", .malformedPort),
        ("redis://h/x", .malformedDatabase),
        ("redis://h/-1", .malformedDatabase),
        ("redis://h?db=", .malformedDatabase),
        ("redis://h/1?db=1", .databaseGivenTwice),
        ("redis://h?password=hunter2", .unknownParameter("password")),
        ("redis://u:hunter2%@h", .malformedUserInfo),
        ("redis://u:hunter2%zz@h", .malformedUserInfo),
        ("redis://u:hunter2%ff@h", .malformedUserInfo),
        ("redis://u:hunter2/@h", .malformedPort),
        ("unix://", .missingPath),
        ("unix://x", .missingPath),
        ("unix:///", .missingPath),
        ("unix:///a%00b", .missingPath),
        ("unix:///" + String(repeating: "a", count: 107), .pathTooLong),
    ])
    func `a URL that is none names what is wrong, never the password`(
        _ url: String,
        _ expected: RedisEndpointError
    ) {
        let error = #expect(throws: RedisEndpointError.self) { try RedisEndpoint(url: url) }
        #expect(error == expected)
        #expect(error.map { "\($0)".contains("hunter2") } == false)
    }

    @Test func `nothing that prints an endpoint shows its password`() throws {
        let endpoint = try RedisEndpoint(url: "redis://worker:hunter2@h/1")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in [dumped, "\(endpoint)", String(reflecting: endpoint)] {
            #expect(!text.contains("hunter2"))
        }
        #expect(
            endpoint == RedisEndpoint(host: "h", user: "worker", password: "hunter2", database: 1)
        )
        #expect(
            endpoint != RedisEndpoint(host: "h", user: "worker", password: "hunter3", database: 1)
        )
    }

    @Test func `an error line is split at its code`() {
        #expect(
            RedisServerError(line: "WRONGTYPE Operation against")
                == RedisServerError(prefix: "WRONGTYPE", message: "Operation against")
        )
        #expect(RedisServerError(line: "oops x") == RedisServerError(prefix: "", message: "oops x"))
        #expect(RedisServerError(line: "BUSY") == RedisServerError(prefix: "BUSY", message: ""))
    }
}

@Suite struct BackoffTests {
    @Test func `rests double to their ceiling, and are forgotten after a connection that held`() {
        var backoff = Backoff(upTo: .milliseconds(2_500))
        let longest = { (bound: UInt64) in bound - 1 }
        let rests = (0..<8).map { _ in backoff.next(longest) / .milliseconds(1) }
        #expect(rests == [50, 100, 200, 400, 800, 1_600, 2_500, 2_500])
        backoff.connectionHeld(for: .milliseconds(2_499))
        #expect(backoff.attempts == 8)
        backoff.connectionHeld(for: .milliseconds(2_500))
        #expect(backoff.next(longest) == .milliseconds(50))
    }

    @Test func `even the luckiest draw rests a little, and the 10,000th does not overflow`() {
        var backoff = Backoff(upTo: .seconds(86_400))
        for _ in 0..<10_000 { #expect(backoff.next { _ in 0 } == Backoff.floor) }
        #expect(backoff.next { $0 - 1 } == .milliseconds(50) * (1 << 20))
    }
}
