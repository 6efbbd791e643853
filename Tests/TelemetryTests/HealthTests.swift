import Foundation
import Telemetry
import Testing

@Suite struct HealthTests {
    private static func health(loop: Bool, redis: Bool) -> Health {
        Health(
            liveness: [.init("loop", ok: loop, detail: "answered in 1 ms")],
            readiness: [.init("redis", ok: redis, detail: "said \"no\"\n")],
            version: "1.2.3"
        )
    }

    @Test(arguments: [
        (true, true, Health.Status.ok, [200, 200, 200]),
        (true, false, .unready, [503, 200, 503]),
        (false, true, .dead, [503, 503, 503]),
        (false, false, .dead, [503, 503, 503]),
    ])
    func `each endpoint answers for what it asks`(
        loop: Bool,
        redis: Bool,
        status: Health.Status,
        codes: [Int]
    ) {
        let health = Self.health(loop: loop, redis: redis)
        #expect(health.status == status)
        #expect(Health.Endpoint.allCases.map { health.page(for: $0).status } == codes)
    }

    @Test func `the page is this object`() throws {
        let page = Self.health(loop: true, redis: false).page(for: .health)
        #expect(page.contentType == "application/json")
        #expect(
            String(decoding: page.body, as: UTF8.self) == """
                {"status":"unready","live":true,"ready":false,"checks":[\
                {"name":"loop","ok":true,"detail":"answered in 1 ms"},\
                {"name":"redis","ok":false,"detail":"said \\"no\\"\\n"}],"version":"1.2.3"}

                """
        )
        _ = try JSONSerialization.jsonObject(with: Data(page.body))
    }

    @Test func `paths name endpoints`() {
        #expect(Health.Endpoint(rawValue: "/health") == .health)
        #expect(Health.Endpoint(rawValue: "/health/live") == .live)
        #expect(Health.Endpoint(rawValue: "/health/ready") == .ready)
        #expect(Health.Endpoint(rawValue: "/healthz") == nil)
    }
}
