internal import Causality
public import Storage

/// Listing in order of names, along the indexes `heads` and `siblings`. Each call is one cut: a transaction that sees
/// what was committed before its first statement. Names and sizes are read first, and contents of what is taken only.
extension PostgresStore {
    public func records(_ query: RecordQuery) throws(StoreError) -> RecordPage {
        try inCut { (connection) throws(PostgresFailure) in
            var space = Parameters()
            space.add(query.space)
            let siblingCount = try connection.run(ListingStatements.siblingCount, space).first?.number(0) ?? 0
            if query.onlyConflicted {
                return siblingCount > 0
                    ? try self.conflicted(query, connection) : RecordPage(records: [], next: nil)
            }
            return try self.listed(query, hasSiblings: siblingCount > 0, connection)
        }
    }

    public func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage {
        try inCut { (connection) throws(PostgresFailure) in
            var scan = NameScan(query)
            var entries: [ManifestEntry] = []
            guard let start = scan.start else { return ManifestPage(entries: [], next: nil) }
            var walk = NameWalk(
                ListingStatements.manifest, connection, in: query.space, from: start, expected: query.limit + 1)
            walking: while let (name, row) = try walk.next() {
                switch scan.look(at: name) {
                case .stop: break walking
                case .seek(let later): walk.seek(later)
                case .candidate:
                    guard scan.offer() else { break walking }
                    entries.append(
                        ManifestEntry(
                            name: name, hash: row.name(3), isDeleted: row.flag(4), position: row.position(2),
                            visibility: LogEntry.visibility(storedAccess: row.number(5)), owner: row.name(6),
                            wasShared: LogEntry.wasShared(storedAccess: row.number(5))))
                }
            }
            return ManifestPage(entries: entries, next: scan.next)
        }
    }

    private func listed(
        _ query: RecordQuery, hasSiblings: Bool, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> RecordPage {
        var scan = NameScan(query)
        guard let start = scan.start else { return RecordPage(records: [], next: nil) }
        var walk = NameWalk(
            ListingStatements.heads, connection, in: query.space, from: start, expected: query.limit + 1)
        var places: [(name: RecordName, position: Int64)] = []
        walking: while let (name, row) = try walk.next() {
            switch scan.look(at: name) {
            case .stop: break walking
            case .seek(let later): walk.seek(later)
            case .candidate:
                guard query.wants(namespace: row.name(4), isDeleted: row.flag(5)) else { continue }
                guard scan.offer(encodedBytes: Int(row.number(3))) else { break walking }
                places.append((name, row.number(2)))
            }
        }
        let heads = try entries(at: places.map(\.position), in: query.space, connection)
        var siblings: [RecordName: [LogEntry]] = [:]
        if hasSiblings, !places.isEmpty {
            siblings = try self.siblings(of: places.map(\.name), in: query.space, connection)
        }
        let records = places.compactMap { place in
            heads[place.position].map { Causality.Record(head: $0, siblings: siblings[place.name] ?? []) }
        }
        return RecordPage(records: records, next: scan.next)
    }

    /// Walks over the few records that have siblings, and not over all.
    private func conflicted(
        _ query: RecordQuery, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> RecordPage {
        var scan = NameScan(query)
        guard let start = scan.start else { return RecordPage(records: [], next: nil) }
        var walk = NameWalk(
            ListingStatements.conflicted, connection, in: query.space, from: start, expected: query.limit * 2)
        var omitted = 0
        var taken: [(head: Int64, siblings: [Int64])] = []
        var found = try ConflictedRecord.next(&walk)
        walking: while let record = found {
            switch scan.look(at: record.name) {
            case .stop: break walking
            case .seek(let later): walk.seek(later)
            case .candidate:
                guard query.wants(namespace: record.namespace, isDeleted: record.isDeleted) else { break }
                let (isFirst, room) = (scan.isEmpty, scan.bytesLeft - record.headBytes)
                guard scan.offer(encodedBytes: record.bytes) else { break walking }
                let count = isFirst ? record.fitting(room) : record.siblings.count
                if isFirst { omitted = record.siblings.count - count }
                taken.append((record.head, record.siblings.prefix(count).map(\.position)))
            }
            found = try ConflictedRecord.next(&walk)
        }
        let entries = try entries(at: taken.flatMap { [$0.head] + $0.siblings }, in: query.space, connection)
        let records = taken.compactMap { record in
            entries[record.head].map { head in
                Causality.Record(head: head, siblings: record.siblings.compactMap { entries[$0] })
            }
        }
        return RecordPage(records: records, next: scan.next, omittedSiblingCount: omitted)
    }
}

// What a cut reads once it is known what is wanted.
extension PostgresStore {
    private func entries(
        at positions: [Int64], in space: Identifier, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [Int64: LogEntry] {
        guard !positions.isEmpty else { return [:] }
        var parameters = Parameters()
        parameters.add(space)
        parameters.add(ArrayParameter.numbers(positions))
        var entries: [Int64: LogEntry] = [:]
        for row in try connection.run(ListingStatements.entries, parameters) {
            let entry = try VersionRow.entry(row, embeddings)
            entries[entry.position.microseconds] = entry
        }
        return entries
    }

    /// Without content, oldest first.
    private func siblings(
        of names: [RecordName], in space: Identifier, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [RecordName: [LogEntry]] {
        var parameters = Parameters()
        parameters.add(space)
        parameters.add(ArrayParameter.texts(names.map(\.kind)))
        parameters.add(ArrayParameter.texts(names.map(\.id)))
        var siblings: [RecordName: [LogEntry]] = [:]
        for row in try connection.run(ListingStatements.siblings, parameters) {
            let index = Int(row.number(0)) - 1
            guard names.indices.contains(index) else { continue }
            siblings[names[index], default: []].append(
                try VersionRow.bareEntry(row, name: names[index], isSibling: true))
        }
        return siblings
    }

    /// Runs `body` on one cut of the database.
    private func inCut<Value>(
        _ body: (PostgresConnection) throws(PostgresFailure) -> Value
    ) throws(StoreError) -> Value {
        try read { (connection) throws(PostgresFailure) in
            do throws(PostgresFailure) {
                _ = try connection.run(PostgresStore.cut)
                let value = try body(connection)
                _ = try connection.run(PostgresTransaction.commit)
                return value
            } catch {
                // A transaction that failed is closed, or its connection is not lent again.
                if !connection.isBroken { _ = try? connection.run(PostgresTransaction.commit) }
                throw error
            }
        }
    }
}
