// Migrations: the schema of PostgreSQL, as numbered steps up and down.
// Belongs here: SQL in files, each with why, the lock it takes and how it is undone, and this list.
// Does not: how and when they are run, which is `strategyctl migrate`'s.

/// One step of the schema. Once released it is never changed: the next step changes what it made.
package struct Migration: Sendable {
    package let number: Int
    package let name: String
    package let up: [UInt8]
    package let down: [UInt8]

    /// All of them, in their order.
    package static let all = [
        Migration(
            number: 1,
            name: "ledger",
            up: PackageResources._001_ledger_up_sql,
            down: PackageResources._001_ledger_down_sql
        ),
        Migration(
            number: 2,
            name: "audit",
            up: PackageResources._002_audit_up_sql,
            down: PackageResources._002_audit_down_sql
        ),
        Migration(
            number: 3,
            name: "profiles",
            up: PackageResources._003_profiles_up_sql,
            down: PackageResources._003_profiles_down_sql
        ),
    ]
}
