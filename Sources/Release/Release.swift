//  What this release is called. Only that: every program's `--version`, the metrics' build label
//  and the wire's `worker_version` read it here. Nothing that a build machine or a date decides.

package enum Release {
    /// The semantic version, without a leading `v`.
    package static let version = "0.1.0"
}
