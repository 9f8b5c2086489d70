/// What merging costs: counted and not timed, so that the same pushes cost the same in every run.
///
/// A unit is about what one byte of a text costs that is merged: 20 ns in deep objects, 50 in flat ones of small
/// fields, 80 in sets of small elements.
public struct MergeWork: Sendable, Equatable {
    public private(set) var units = 0

    public init() {}

    /// A version that is read from the store: a unit for eight bytes that it takes.
    public mutating func countReading(_ change: Change) { add(change.encodedBytesEstimate / 8) }

    /// Entries of clocks that are compared: two units each.
    mutating func countComparing(entries: Int) { add(2 * entries) }

    mutating func add(_ count: Int) {
        let (sum, isOver) = units.addingReportingOverflow(count)
        units = isOver ? .max : sum
    }
}
