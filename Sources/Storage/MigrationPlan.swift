/// What opening a store would do to its schema.
public struct MigrationPlan: Sendable, Equatable {
    /// The schema's version as it lies there; 0: nothing is there yet.
    public var found: Int
    /// The newest that this program knows.
    public var supported: Int
    /// The SQL of the missing steps, in its order.
    public var statements: [String]

    public init(found: Int, supported: Int, statements: [String]) {
        self.found = found
        self.supported = supported
        self.statements = statements
    }
}
