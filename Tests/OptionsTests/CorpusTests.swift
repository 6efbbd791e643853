import Corpus
import Options
import Testing

/// The same reports that the bench prints, over fewer strategies.
@Suite struct CorpusTests {
    @Test func `each kind of defect is found by its rule, and nothing in order is blocked`() {
        let report = CorpusReport(seed: 2_026, mutants: 40, clean: 400)
        #expect(report.rows.count == 24)
        #expect(report.recall >= 0.99, "\(report.lines.joined(separator: "\n"))")
        #expect(report.falseBlocks == 0, "\(report.examples)")
        #expect(report.falseRepairs == 0, "\(report.examples)")
    }

    @Test func `the menu's best passes the same rules, whatever is asked`() {
        let report = FallbackReport(seed: 77, count: 3_000)
        #expect(report.faults.isEmpty, "\(report.lines.joined(separator: "\n"))")
        #expect(report.offered > 1_000)
        #expect(report.changes > 500)
    }
}
