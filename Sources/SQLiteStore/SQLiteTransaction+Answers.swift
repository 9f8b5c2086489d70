internal import Causality
internal import GRDB
internal import Storage

extension SQLiteTransaction {
    func answer(
        to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) -> KeptAnswer? {
        guard let row = try SpaceRow.read(space, database) else { return nil }
        let query = try HotStatement(
            "SELECT kept_at, items FROM answers WHERE space = ? AND device = ? AND push = ? AND digest = ?", database)
        bind(key, device, row, to: query)
        defer { query.reset() }
        guard try query.step() else { return nil }
        return KeptAnswer(keptAt: Position(query.number(0)), items: Array(query.bytes(1)))
    }

    func keep(
        _ answer: KeptAnswer, to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) {
        let row = try existing(space)
        // One that was kept and has expired takes a new number, as the newest.
        let insertion = try HotStatement(
            "INSERT OR REPLACE INTO answers (space, device, push, digest, kept_at, items) VALUES (?, ?, ?, ?, ?, ?)",
            database)
        bind(key, device, row, to: insertion)
        insertion.bind(5, answer.keptAt.microseconds)
        answer.items.withUnsafeBytes { insertion.bind(6, $0) }
        try insertion.run()
        try removeExcess(of: device, in: row)
        try removeExpired(at: answer.keptAt)
    }

    private func bind(_ key: AnswerKey, _ device: Identifier, _ space: SpaceRow, to statement: HotStatement) {
        statement.bind(1, space.number)
        statement.bind(2, device)
        statement.bind(3, Identifier(unchecked: key.pushID))
        key.digest.withUnsafeBytes { statement.bind(4, $0) }
    }

    private func removeExcess(of device: Identifier, in space: SpaceRow) throws(StoreError) {
        let query = try HotStatement(
            "SELECT number, length(items) FROM answers WHERE space = ? AND device = ? ORDER BY number DESC", database)
        query.bind(1, space.number)
        query.bind(2, device)
        var numbers: [Int64] = []
        var sizes: [Int] = []
        while try query.step() {
            numbers.append(query.number(0))
            sizes.append(Int(query.number(1)))
        }
        query.reset()
        let removed = numbers.dropFirst(KeptAnswer.countKept(newestFirst: sizes))
        guard !removed.isEmpty else { return }
        let deletion = try HotStatement("DELETE FROM answers WHERE number = ?", database)
        for number in removed {
            deletion.bind(1, number)
            try deletion.run()
        }
    }

    private func removeExpired(at now: Position) throws(StoreError) {
        let deletion = try HotStatement(
            "DELETE FROM answers WHERE number IN (SELECT number FROM answers WHERE kept_at < ? "
                + "ORDER BY kept_at LIMIT \(KeptAnswer.removedMax))", database)
        deletion.bind(1, now.microseconds - KeptAnswer.ageMax)
        try deletion.run()
    }
}
