/// Looks at something again and again until it holds.
///
/// - Parameters:
///   - what: Ends the sentence “… did not come about”.
///   - limit: Far more than any machine needs: only a failing test waits so long.
package func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !holds() {
        guard ContinuousClock.now < end else { throw DidNotComeAbout(what: what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

package struct DidNotComeAbout: Error, CustomStringConvertible {
    package let what: String
    package init(what: String) { self.what = what }
    package var description: String { "\(what) did not come about" }
}
