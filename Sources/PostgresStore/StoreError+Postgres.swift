internal import Storage

extension StoreError {
    /// What `failure` means to the hub. The codes are those of the manual's appendix A.
    init(_ failure: PostgresFailure) {
        let message = failure.message
        switch failure.kind {
        case .unreachable, .lost:
            self = .unavailable("Postgres cannot be reached: \(message) It is tried again with the next call.")
        case .poolExhausted:
            self = .unavailable(message)
        case .restoring:
            self = .unavailable(
                "The database is being restored: \(message). Once it is whole, all devices are told to read it anew.")
        case .damaged:
            self = .corrupt(message)
        case .server(let state):
            self = StoreError.of(state, message)
        }
    }

    private static func of(_ state: String, _ message: String) -> StoreError {
        let told = "\(message) (SQLSTATE \(state))"
        switch state {
        case "53100": return .full("The disk of Postgres is full: \(told). Free some space there.")
        case "53300":
            return .unavailable(
                "Postgres has no connection left: \(told). Raise its max_connections, or run fewer hubs.")
        case "57P03", "57P01", "57P02":
            return .unavailable("Postgres is starting or stopping: \(told). It is tried again with the next call.")
        case "57014": return .unavailable("Postgres took too long: \(told). Look for locks and for a slow disk there.")
        case "25006":
            return .unavailable("This Postgres takes no writes: \(told). Name the primary, or wait for its promotion.")
        case "3D000", "3F000", "42501": return .denied("Postgres does not let us in: \(told).")
        case "XX001", "XX002": return .corrupt("Postgres says that its data is damaged: \(told).")
        case "CAR02":
            return .unavailable("The store holds a part of an import, which goes on or broke off. It is not served.")
        case "42P01", "42P10":
            return .unavailable("Tables are missing: \(told). Is the database being restored? It is tried again.")
        case "22021", "22P05": return .refused("Postgres takes no such text: \(told).")
        default: break
        }
        switch state.prefix(2) {
        case "28": return .denied("Postgres does not let us in: \(told). Look at the user and the password.")
        case "53": return .unavailable("Postgres is short of something: \(told).")
        case "23": return .refused(message)
        case "42", "22": return .corrupt("The tables are not as this program knows them: \(told).")
        default: return .unavailable("Postgres: \(told).")
        }
    }
}
