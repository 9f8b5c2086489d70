internal import Causality
public import Storage

extension PostgresStore {
    /// One transaction on one connection, in pages along the keys: no more than a page is in memory, and each statement is
    /// short, however long the whole takes. Vacuuming keeps dead rows as long as it lasts.
    public func readAll(_ body: (KeptItem) throws -> Void) throws {
        try withoutActuallyEscaping(body) { body in
            try readingCut { connection, life in
                try body(.life(life.generation))
                try ReadingAll(connection: connection, store: self, body: body).run()
            }
        }
    }

    /// Runs `body` within one cut on a connection of its own, for as long as it takes.
    func readingCut<Value>(_ body: (PostgresConnection, Life) throws -> Value) throws -> Value {
        do throws(any Error) {
            let connection = try readers.borrow()
            defer { readers.giveBack(connection) }
            do throws(any Error) {
                try connection.send(PostgresStore.cut)
                try connection.send(ReadingStatements.patience)
                try connection.send(life.reading)
                let begun = try connection.sync()
                guard let life = begun.last?.first.map(Life.init) else { throw Life.missing }
                guard !life.isElsewhere else { throw Life.partial }
                let value = try body(connection, life)
                _ = try connection.run(PostgresTransaction.commit)
                return value
            } catch {
                // A connection that is not let go of its transaction is not lent again.
                if !connection.isBroken { _ = try? connection.run(PostgresTransaction.rollback) }
                throw error
            }
        } catch let failure as PostgresFailure {
            throw StoreError(failure)
        }
    }
}

/// One reading of everything.
private struct ReadingAll {
    /// Bytes of bodies, embeddings and names of one page of entries, or of versions.
    private static let pageBytesMax: Int64 = 1 << 20
    private static let pageRowsMax: Int64 = 2_000
    /// Spaces of one page: some 100 KiB.
    private static let spacesMax: Int64 = 1_000
    /// Users whose keys and devices come in one round trip. Few: a user may have hundreds of them.
    private static let usersMax: Int64 = 50

    let connection: PostgresConnection
    let store: PostgresStore
    let body: (KeptItem) throws -> Void

    func run() throws {
        let policies = try PolicyStatements.read(try connection.run(PolicyStatements.all))
        for (kind, policy) in policies.sorted(by: { $0.key < $1.key }) { try body(.policy(policy, kind: kind)) }
        try readUsers()
        try readTeams()
        try readSpaces()
    }

    private func readUsers() throws {
        var last = ""
        while true {
            var parameters = Parameters()
            parameters.add(last)
            parameters.add(ReadingAll.usersMax)
            let users = try connection.run(ReadingStatements.users, parameters)
            for row in users {
                try connection.send(AccountStatements.keys, Parameters(row.name(0)))
                try connection.send(AccountStatements.devices, Parameters(row.name(0)))
                try connection.send(TeamStatements.noted, Parameters(row.name(0)))
            }
            let results = try connection.sync()
            guard results.count == 3 * users.count else { throw ReadingAll.short }
            for (index, row) in users.enumerated() {
                try body(.user(User(row), passwordHash: row.optionalText(6)))
                for row in results[3 * index] { try body(.key(APIKeyRecord(row))) }
                let noted = Set(results[3 * index + 2].map { $0.name(0) })
                for row in results[3 * index + 1] {
                    let device = Device(row)
                    try body(.device(device))
                    if noted.contains(device.id) { try readNotes(of: device) }
                }
            }
            guard users.count == Int(ReadingAll.usersMax) else { return }
            last = users[users.count - 1].text(1)
        }
    }

    /// Device by device: the notes of one may be 4 MiB.
    private func readNotes(of device: Device) throws {
        let place = PostgresAccounts.place(device.id, device.userID)
        for row in try connection.run(TeamStatements.notes, place) {
            try body(.note(row.bytes(1), name: row.text(0), device: device.id, of: device.userID))
        }
    }

    private func readTeams() throws {
        var last = ""
        while true {
            var parameters = Parameters()
            parameters.add(last)
            parameters.add(ReadingAll.usersMax)
            let teams = try connection.run(ReadingStatements.teams, parameters).map(Team.init)
            for team in teams { try connection.send(TeamStatements.members, Parameters(team.id)) }
            let results = try connection.sync()
            guard results.count == teams.count else { throw ReadingAll.short }
            for (team, rows) in zip(teams, results) {
                try body(.team(team))
                for row in rows { try body(.member(Membership(row))) }
            }
            guard let team = teams.last, teams.count == Int(ReadingAll.usersMax) else { return }
            last = team.name.text
        }
    }

    private func readSpaces() throws {
        var last: Identifier = ""
        while true {
            var parameters = Parameters(last)
            parameters.add(ReadingAll.spacesMax)
            let spaces = try connection.run(ReadingStatements.spaces, parameters)
            for row in spaces {
                last = row.name(0)
                try body(.space(last, head: row.position(1)))
                try readContents(of: last)
            }
            guard spaces.count == Int(ReadingAll.spacesMax) else { return }
        }
    }

    /// The first pages of both kinds in one round trip: most spaces are small, and have no histories.
    private func readContents(of space: Identifier) throws {
        try sendEntries(of: space, after: .start)
        try sendVersions(of: space, after: nil)
        let first = try connection.sync()
        guard first.count == 2 else { throw ReadingAll.short }
        try readEntries(of: space, first[0])
        try readVersions(of: space, first[1])
    }

    private func sendEntries(of space: Identifier, after: Position) throws(PostgresFailure) {
        var parameters = Parameters(space)
        for number in [after.microseconds, ReadingAll.pageRowsMax, ReadingAll.pageBytesMax] { parameters.add(number) }
        try connection.send(ReadingStatements.entries, parameters)
    }

    private func readEntries(of space: Identifier, _ first: Rows) throws {
        var page = first
        while page.count > 0 {
            let after = page[page.count - 1].position(0)
            // On its way while this page is told.
            try sendEntries(of: space, after: after)
            try connection.flushQueued()
            for row in page { try body(.entry(try VersionRow.entry(row, store.embeddings), space: space)) }
            guard let next = try connection.sync().last else { throw ReadingAll.short }
            page = next
        }
    }

    private func sendVersions(
        of space: Identifier, after last: (name: RecordName, number: Int64)?
    ) throws(PostgresFailure) {
        var parameters = Parameters(space)
        parameters.add(last?.name.kind ?? "")
        parameters.add(last?.name.id ?? "")
        for number in [last?.number ?? .min, ReadingAll.pageRowsMax, ReadingAll.pageBytesMax] { parameters.add(number) }
        try connection.send(ReadingStatements.versions, parameters)
    }

    private func readVersions(of space: Identifier, _ first: Rows) throws {
        var page = first
        while page.count > 0 {
            var last: (name: RecordName, number: Int64)?
            for row in page {
                let name = RecordName(kind: row.name(1), id: row.name(2))
                let change = try ChangeRow.change(
                    row, from: 3, kind: name.kind, id: name.id, store.embeddings,
                    place: "in the history of \(name.kind)/\(name.id)")
                try body(.version(HistoryVersion(number: row.number(0), change: change), name: name, space: space))
                last = (name, row.number(0))
            }
            try sendVersions(of: space, after: last)
            guard let next = try connection.sync().last else { throw ReadingAll.short }
            page = next
        }
    }

    private static let short = PostgresFailure(kind: .lost, message: "a result is missing.")
}

/// What a reading of everything asks, page by page. The sums of bytes run along the keys and over sizes alone: what is not
/// taken is not read.
private enum ReadingStatements {
    /// Whoever is told may take as long as it likes.
    static let patience = Statement(
        """
        SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)
        """, isPrepared: false)
    static let users: Statement = """
        SELECT id, name, email, tier, device_limit, record_limit, password_hash FROM users
        WHERE name > $1 ORDER BY name LIMIT $2
        """
    static let teams: Statement = "SELECT id, name FROM teams WHERE name > $1 ORDER BY name LIMIT $2"
    static let spaces: Statement = "SELECT space, head FROM spaces WHERE space > $1 ORDER BY space LIMIT $2"
    static let entries = Statement(
        """
        SELECT \(VersionRow.columns) FROM (
            SELECT w.*, sum(w.bytes) OVER running - w.bytes AS before FROM (
                SELECT s.* FROM versions s WHERE s.space = $1 AND s.position > $2 ORDER BY s.position LIMIT $3
            ) w WINDOW running AS (ORDER BY w.position ROWS UNBOUNDED PRECEDING)
        ) v
        WHERE v.before <= $4 ORDER BY v.position
        """)
    static let versions = Statement(
        """
        SELECT number, kind, id, \(ChangeRow.columns) FROM (
            SELECT w.*, sum(w.size) OVER running - w.size AS before FROM (
                SELECT h.*, 100 + octet_length(h.body) + coalesce(pg_column_size(h.embedding), 0) AS size
                FROM history h WHERE h.space = $1 AND (h.kind, h.id, h.number) > ($2, $3, $4)
                ORDER BY h.kind, h.id, h.number LIMIT $5
            ) w WINDOW running AS (ORDER BY w.kind, w.id, w.number ROWS UNBOUNDED PRECEDING)
        ) v
        WHERE v.before <= $6 ORDER BY v.kind, v.id, v.number
        """)
}
