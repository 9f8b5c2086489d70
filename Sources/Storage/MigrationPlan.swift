/// What opening a store would do to its schema.
public struct MigrationPlan: Sendable, Equatable {
    public struct Step: Sendable, Equatable {
        /// Counted from 1: the schema's version once it is taken.
        public var number: Int
        /// SQL, in its order.
        public var statements: [String]

        public init(number: Int, statements: [String]) {
            self.number = number
            self.statements = statements
        }
    }

    /// The schema's version as it lies there; 0: nothing is there yet.
    public var found: Int
    /// The newest that this program knows.
    public var supported: Int
    /// What is missing, in its order.
    public var steps: [Step]

    public init(found: Int, supported: Int, steps: [Step]) {
        self.found = found
        self.supported = supported
        self.steps = steps
    }
}
