import Foundation

/// The project's own files, for tests that run what is deployed.
package enum ProjectFiles {
    private static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    package static var rolesSQL: String {
        root.appending(path: "deploy/postgres/roles.sql").path
    }
}
