/// A statement of the store, prepared once on each connection that runs it, and known by its text.
///
/// All SQL of this module is written as the literal of a `Statement` or as a step of ``Schema``, so that a test finds
/// each one in the source and checks that it names a space.
struct Statement: Sendable, ExpressibleByStringInterpolation {
    let sql: String
    /// What runs once in a connection's life is not worth a name.
    var isPrepared = true

    init(_ sql: String, isPrepared: Bool = true) {
        self.sql = sql
        self.isPrepared = isPrepared
    }

    init(stringLiteral value: String) {
        self.init(value)
    }
}
