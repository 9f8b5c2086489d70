internal import Causality
internal import Storage

extension PostgresAccounts {
    func keysRevoked(after time: Position) throws(StoreError) -> [String] {
        var row = Parameters()
        row.add(time)
        return try rows(AccountStatements.keysRevoked, row).map { $0.text(0) }
    }
}

extension AccountStatements {
    static let keysRevoked: Statement = """
        SELECT prefix FROM keys WHERE revoked_at > $1 ORDER BY revoked_at, prefix
        """
}
