// ConsolePages: what the console is made of, as files: pages, styles, scripts, a picture. In a target of
// its own, because a change elsewhere need not compile them again.
// Belongs here: files that a browser reads, and by which names. Does not: who may read them, any data.

/// The console's pages, and what they ask for by name.
package enum ConsolePages {
    package struct Asset: Sendable {
        package let contentType: String
        package let bytes: [UInt8]
    }

    package static let console = PackageResources.console_html
    package static let login = PackageResources.login_html

    private static let assets: [String: Asset] = [
        "charts.js": Asset(contentType: script, bytes: PackageResources.charts_js),
        "console.css": Asset(contentType: style, bytes: PackageResources.console_css),
        "console.js": Asset(contentType: script, bytes: PackageResources.console_js),
        "icon.svg": Asset(contentType: "image/svg+xml", bytes: PackageResources.icon_svg),
        "login.js": Asset(contentType: script, bytes: PackageResources.login_js),
        "panels.js": Asset(contentType: script, bytes: PackageResources.panels_js),
    ]

    private static let script = "text/javascript; charset=utf-8"
    private static let style = "text/css; charset=utf-8"

    /// Nil when there is none of that name.
    package static func asset(_ name: String) -> Asset? { assets[name] }
}
