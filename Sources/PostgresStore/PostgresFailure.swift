/// What went wrong between us and the server, before it is told as a `StoreError`.
struct PostgresFailure: Error {
    enum Kind: Equatable {
        /// The connection could not be made.
        case unreachable
        /// The connection is lost, or has said nothing for too long: what was sent may have been done.
        case lost
        /// Nobody gave a connection back in time.
        case poolExhausted
        /// The server refused a statement, with its SQLSTATE.
        case server(sqlState: String)
        /// The tables are, just now, those of a restore that goes on.
        case restoring
        /// What came back is not what the statement gives.
        case damaged
    }

    var kind: Kind
    /// One or two sentences, for people.
    var message: String

    /// A fill goes on, or broke off. The state is our own.
    static let unfinished = PostgresFailure(kind: .server(sqlState: "CAR02"), message: "an import goes on")
    /// A cached plan from before a migration; a prepared statement that a proxy's other server does not know.
    static let staleStates: Set<String> = ["0A000", "26000"]

    var sqlState: String? {
        if case .server(let state) = kind { state } else { nil }
    }

    /// For people, where what was asked may have been done.
    var uncertainty: String {
        "Postgres was lost in the middle: \(message) It may have been done: look before it is done again."
    }

    /// Whether the connection is of no more use.
    var isLost: Bool { kind == .lost || kind == .unreachable }
}
