public import Causality
public import Storage

extension PostgresStore {
    public func policies() throws(StoreError) -> [Identifier: ConflictPolicy] {
        try read { (connection) throws(PostgresFailure) in
            try PolicyStatements.read(try connection.run(PolicyStatements.all))
        }
    }

    /// With the lock that commits share: none is half under one policy and half under another, on any hub.
    public func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        try change { (connection) throws(PostgresFailure) in
            var lock = Parameters()
            lock.add(self.lockKey)
            try connection.send(PostgresTransaction.begin)
            try connection.send(Life.exclusiveLock, lock)
            try connection.send(PolicyStatements.ofKind, Parameters(kind))
            let before = try connection.sync().last?.first?.text(0)
            if let policy {
                let stored = StoredPolicy(policy)
                var row = Parameters(kind)
                row.add(stored.name)
                row.add(stored.rule)
                try connection.send(PolicyStatements.setting, row)
            } else {
                try connection.send(PolicyStatements.clearing, Parameters(kind))
            }
            var isMerged = false
            if case .merge = policy { isMerged = true }
            if before == ConflictPolicy.merge(.plain).name, !isMerged {
                try connection.send(HistoryStatements.deletionOfKind, Parameters(kind))
            }
            try connection.send(PolicyStatements.revising)
            try connection.send(PolicyStatements.count)
            let count = try connection.sync().last?.first?.number(0) ?? 0
            guard count <= StoredPolicy.policiesMax else {
                throw PostgresFailure(
                    kind: .server(sqlState: "23514"), message: "there are \(StoredPolicy.policiesMax) policies")
            }
            _ = try connection.run(PostgresTransaction.commit)
        }
    }
}

enum PolicyStatements {
    static let all: Statement = "SELECT kind, policy, rule FROM policies"
    static let ofKind: Statement = "SELECT policy FROM policies WHERE kind = $1"
    static let setting: Statement = """
        INSERT INTO policies (kind, policy, rule) VALUES ($1, $2, $3)
        ON CONFLICT (kind) DO UPDATE SET policy = excluded.policy, rule = excluded.rule
        """
    static let clearing: Statement = "DELETE FROM policies WHERE kind = $1"
    static let revising: Statement = "UPDATE log_state SET policy_revision = policy_revision + 1"
    static let count: Statement = "SELECT count(*) FROM policies"

    static func read(_ rows: Rows) throws(PostgresFailure) -> [Identifier: ConflictPolicy] {
        var policies: [Identifier: ConflictPolicy] = [:]
        for row in rows {
            guard let policy = StoredPolicy(name: row.text(1), rule: row.text(2)).policy else {
                throw PostgresFailure(kind: .damaged, message: "the policy of the kind \(row.text(0)) is damaged")
            }
            policies[row.name(0)] = policy
        }
        return policies
    }
}
