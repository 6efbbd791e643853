/// The statements, as they stand in `Queries/`.
package enum Queries {
    package static let auditInsert = text(PackageResources.audit_insert_sql)
    package static let auditPage = text(PackageResources.audit_page_sql)
    package static let ledgerAdvance = text(PackageResources.ledger_advance_sql)
    package static let ledgerBeginEpoch = text(PackageResources.ledger_begin_epoch_sql)
    package static let ledgerEnded = text(PackageResources.ledger_ended_sql)
    package static let ledgerHour = text(PackageResources.ledger_hour_sql)
    package static let ledgerInsert = text(PackageResources.ledger_insert_sql)
    package static let ledgerKnown = text(PackageResources.ledger_known_sql)
    package static let ledgerLock = text(PackageResources.ledger_lock_sql)
    package static let ledgerMissing = text(PackageResources.ledger_missing_sql)
    package static let ledgerSums = text(PackageResources.ledger_sums_sql)
    package static let profileChanges = text(PackageResources.profile_changes_sql)
    package static let profileSet = text(PackageResources.profile_set_sql)
    package static let usageHours = text(PackageResources.usage_hours_sql)
    package static let usageModels = text(PackageResources.usage_models_sql)
    package static let usageRejections = text(PackageResources.usage_rejections_sql)
    package static let usageTotals = text(PackageResources.usage_totals_sql)

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
