/// Whether this process lives and takes work, and if not, why.
///
/// It is *live* while its loop answers, and *ready* when it is live and everything it needs is
/// there. A supervisor restarts what is not live and sends no work to what is not ready.
package struct Health: Sendable, Equatable {
    /// One thing looked at.
    package struct Check: Sendable, Equatable {
        package let name: String
        package let ok: Bool
        /// One sentence for the operator: what is wrong, or what was found. Shown to whoever can
        /// reach the port, so never a key, a password or an address with one in it.
        package let detail: String

        package init(_ name: String, ok: Bool, detail: String) {
            self.name = name
            self.ok = ok
            self.detail = detail
        }
    }

    package enum Status: String, Sendable {
        case ok
        case unready
        case dead
    }

    /// The paths that show it.
    package enum Endpoint: String, CaseIterable, Sendable {
        case health = "/health"
        case live = "/health/live"
        case ready = "/health/ready"
    }

    package let status: Status
    /// Those of liveness first, in the order given.
    package let checks: [Check]
    package let version: String

    package var live: Bool { status != .dead }
    package var ready: Bool { status == .ok }

    package init(liveness: [Check], readiness: [Check], version: String) {
        checks = liveness + readiness
        self.version = version
        status =
            if !liveness.allSatisfy(\.ok) {
                .dead
            } else if !readiness.allSatisfy(\.ok) {
                .unready
            } else {
                .ok
            }
    }

    /// 200 or 503: `/health` and `/health/ready` ask for ready, `/health/live` for live alone.
    package func httpStatus(for endpoint: Endpoint) -> Int {
        switch endpoint {
        case .health, .ready: ready ? 200 : 503
        case .live: live ? 200 : 503
        }
    }

    /// `{"status","live","ready","checks":[{"name","ok","detail"}],"version"}` and a line end.
    package var json: [UInt8] {
        var json = JSONText()
        json.raw("{\"status\":")
        json.string(status.rawValue)
        json.raw(",\"live\":")
        json.bool(live)
        json.raw(",\"ready\":")
        json.bool(ready)
        json.raw(",\"checks\":[")
        for (index, check) in checks.enumerated() {
            json.raw(index == 0 ? "{\"name\":" : ",{\"name\":")
            json.string(check.name)
            json.raw(",\"ok\":")
            json.bool(check.ok)
            json.raw(",\"detail\":")
            json.string(check.detail)
            json.raw("}")
        }
        json.raw("],\"version\":")
        json.string(version)
        json.raw("}")
        json.newline()
        return json.bytes
    }

    package func page(for endpoint: Endpoint) -> Page {
        Page(status: httpStatus(for: endpoint), contentType: "application/json", body: json)
    }
}
