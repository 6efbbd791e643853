package import Contract

/// The duty to answer one entry. It cannot be copied, and ends in `Settlement` alone.
///
/// A crash can still drop one; then the entry stays pending in the store, and another takes it over.
package struct Lease: ~Copyable {
    package let entry: RawEntry

    package init(on entry: RawEntry) { self.entry = entry }
}
