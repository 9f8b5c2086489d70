internal import Causality
internal import GRDB
internal import Storage

/// The policies as the writing connection last read them.
///
/// `PRAGMA data_version` changes when another connection, of this process or another, has changed the file; what this
/// connection changes is told by ``forget()``.
final class PolicyCache: @unchecked Sendable {
    // @unchecked: touched only inside write accesses, which GRDB runs one at a time.
    private var dataVersion: Int64?
    private var policies: [Identifier: ConflictPolicy] = [:]

    func forget() { dataVersion = nil }

    func policies(_ database: Database) throws(StoreError) -> [Identifier: ConflictPolicy] {
        let query = try HotStatement("PRAGMA data_version", database)
        let found = try query.step() ? query.number(0) : 0
        query.reset()
        if found == dataVersion { return policies }
        policies = try PolicyCache.read(database)
        dataVersion = found
        return policies
    }

    static func read(_ database: Database) throws(StoreError) -> [Identifier: ConflictPolicy] {
        let query = try HotStatement("SELECT kind, policy, rule FROM policies", database)
        defer { query.reset() }
        var policies: [Identifier: ConflictPolicy] = [:]
        while try query.step() {
            let kind = query.name(0)
            guard let policy = StoredPolicy(name: query.name(1).text, rule: query.name(2).text).policy else {
                throw .corrupt("the policy of the kind \(kind) is damaged")
            }
            policies[kind] = policy
        }
        return policies
    }
}
