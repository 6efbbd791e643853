// Telemetry: what a process tells about itself: logs, metrics, trace context, health.
// Belongs here: metric declarations, their text, the log line's form, W3C trace context, and what
// the HTTP endpoints answer as plain values.
// Does not: sockets and routes, names of streams, decisions about requests, any thread or clock of
// its own.

/// What one process is observed by: its registry, the metrics in it, and the pages it shows.
package struct Telemetry: Sendable {
    package let registry: PrometheusRegistry
    package let metrics: Metrics

    /// - Parameter version: The semantic version of the release, shown by `build_info`.
    package init(version: String) {
        registry = PrometheusRegistry()
        metrics = Metrics(in: registry, version: version)
    }

    /// Answers `GET /metrics`: reads the process' own figures, then writes every metric.
    ///
    /// Takes about 0.3 ms, and more with thousands of open descriptors, which it counts: call it on
    /// the HTTP server's threads, not on the loop.
    ///
    /// - Parameter accept: The request's `Accept` header; without one the old format is written.
    package func metricsPage(accept: String?) -> Page {
        .metrics(in: registry, metrics.process, accept: accept)
    }
}

/// What an endpoint answers, for the HTTP server to send as it is.
package struct Page: Sendable, Equatable {
    package let status: Int
    package let contentType: String
    package let body: [UInt8]

    package init(status: Int, contentType: String, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

extension Page {
    /// Every metric of a registry, with the process' own figures as they are now.
    package static func metrics(
        in registry: PrometheusRegistry,
        _ process: ProcessMetrics,
        accept: String?
    ) -> Page {
        if let figures = ProcessFigures.current() { process.update(figures) }
        let format = ExpositionFormat(accept: accept ?? "")
        return Page(
            status: 200,
            contentType: format.contentType,
            body: registry.expose(format: format)
        )
    }
}
