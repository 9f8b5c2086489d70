internal import Causality
internal import GRDB
public import Storage

/// Listing in order of names, along the indexes `heads` and `siblings`. Each call is one read transaction.
extension SQLiteStore {
    public func records(_ query: RecordQuery) throws(StoreError) -> RecordPage {
        try read { database in
            guard let space = try SpaceRow.read(query.space, database) else {
                return RecordPage(records: [], next: nil)
            }
            return query.onlyConflicted
                ? try SQLiteStore.conflicted(query, space, database) : try SQLiteStore.listed(query, space, database)
        }
    }

    public func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage {
        try read { database in
            var scan = NameScan(query)
            guard let space = try SpaceRow.read(query.space, database), let start = scan.start else {
                return ManifestPage(entries: [], next: nil)
            }
            let heads = try NameCursor(
                "position, kind, id, hash, flags, \(VersionRow.owner)", isSibling: false, space, database)
            defer { heads.end() }
            var entries: [ManifestEntry] = []
            heads.seek(start)
            walking: while let name = try heads.next() {
                switch scan.look(at: name) {
                case .stop: break walking
                case .seek(let later): heads.seek(later)
                case .candidate:
                    guard scan.offer() else { break walking }
                    let row = heads.row
                    let access = row.number(4) >> ChangeRow.accessShift
                    entries.append(
                        ManifestEntry(
                            name: name, hash: row.name(3), isDeleted: row.number(4) & ChangeRow.isDeleted != 0,
                            position: Position(row.number(0)), visibility: LogEntry.visibility(storedAccess: access),
                            owner: row.name(5), wasShared: LogEntry.wasShared(storedAccess: access)))
                }
            }
            return ManifestPage(entries: entries, next: scan.next)
        }
    }

    private static func listed(
        _ query: RecordQuery, _ space: SpaceRow, _ database: Database
    ) throws(StoreError) -> RecordPage {
        var scan = NameScan(query)
        var records: [Causality.Record] = []
        guard let start = scan.start else { return RecordPage(records: [], next: nil) }
        let heads = try NameCursor(VersionRow.columns, isSibling: false, space, database)
        defer { heads.end() }
        heads.seek(start)
        walking: while let name = try heads.next() {
            switch scan.look(at: name) {
            case .stop: break walking
            case .seek(let later): heads.seek(later)
            case .candidate:
                let row = heads.row
                guard
                    query.wants(
                        namespace: row.name(5), isDeleted: row.number(VersionRow.flagsColumn) & ChangeRow.isDeleted != 0
                    )
                else { continue }
                guard scan.offer(encodedBytes: VersionRow.encodedBytesEstimate(row)) else { break walking }
                records.append(Causality.Record(head: try VersionRow.entry(row)))
            }
        }
        guard space.statistics.siblingCount > 0 else { return RecordPage(records: records, next: scan.next) }
        let siblings = try SQLiteTransaction.siblingQuery(VersionRow.columnsWithoutContent, database)
        for index in records.indices {
            let name = records[index].head.change.name
            records[index].siblings = try SQLiteTransaction.entries(name, in: space, siblings)
        }
        return RecordPage(records: records, next: scan.next)
    }

    /// Walks over the few records that have siblings, and not over all.
    private static func conflicted(
        _ query: RecordQuery, _ space: SpaceRow, _ database: Database
    ) throws(StoreError) -> RecordPage {
        var scan = NameScan(query)
        var page = RecordPage(records: [], next: nil)
        guard space.statistics.siblingCount > 0, let start = scan.start else { return page }
        // Without DISTINCT, which would sort all names first: a record's siblings stand behind each other.
        let names = try NameCursor("position, kind, id", isSibling: true, space, database)
        var last: RecordName?
        let heads = try SQLiteTransaction.headQuery(VersionRow.columns, database)
        let siblings = try SQLiteTransaction.siblingQuery(VersionRow.columns, database)
        defer { names.end() }
        names.seek(start)
        walking: while let name = try names.next() {
            if name == last { continue }
            last = name
            switch scan.look(at: name) {
            case .stop: break walking
            case .seek(let later): names.seek(later)
            case .candidate:
                guard let head = try SQLiteTransaction.entries(name, in: space, heads).first else { continue }
                guard query.wants(namespace: head.change.namespace, isDeleted: head.change.isDeleted) else { continue }
                let headBytes = head.encodedBytesEstimate
                let sizes = try sizes(name, space, siblings)
                let (isFirst, room) = (scan.isEmpty, scan.bytesLeft - headBytes)
                guard scan.offer(encodedBytes: headBytes + sizes.reduce(0, +)) else { break walking }
                let count = isFirst ? fitting(sizes, room) : sizes.count
                let entries = try SQLiteTransaction.entries(name, in: space, siblings, countMax: count)
                if isFirst { page.omittedSiblingCount = sizes.count - count }
                page.records.append(Causality.Record(head: head, siblings: entries))
            }
        }
        page.next = scan.next
        return page
    }

    /// What each sibling takes in an answer, oldest first, unread.
    private static func sizes(
        _ name: RecordName, _ space: SpaceRow, _ siblings: HotStatement
    ) throws(StoreError) -> [Int] {
        siblings.bind(1, space.number)
        siblings.bind(2, name.kind)
        siblings.bind(3, name.id)
        defer { siblings.reset() }
        var sizes: [Int] = []
        while try siblings.step() { sizes.append(VersionRow.encodedBytesEstimate(siblings)) }
        return sizes
    }

    private static func fitting(_ sizes: [Int], _ room: Int) -> Int {
        var left = room
        return sizes.prefix { size in
            left -= size
            return left >= 0
        }.count
    }
}

/// Steps along an index in order of names. Columns 1 and 2 of what it selects are kind and id.
struct NameCursor {
    let row: HotStatement

    init(_ columns: String, isSibling: Bool, _ space: SpaceRow, _ database: Database) throws(StoreError) {
        row = try HotStatement(NameCursor.selection(columns, isSibling: isSibling), database)
        row.bind(1, space.number)
    }

    static func selection(_ columns: String, isSibling: Bool) -> String {
        "SELECT \(columns) FROM versions INDEXED BY \(isSibling ? "siblings" : "heads") WHERE space = ? "
            + "AND is_sibling = \(isSibling ? 1 : 0) AND (kind, id) >= (?, ?) ORDER BY kind, id"
    }

    /// Goes on at `name`, or the first one behind it.
    func seek(_ name: RecordName) {
        row.reset()
        row.bind(2, name.kind)
        row.bind(3, name.id)
    }

    func next() throws(StoreError) -> RecordName? {
        try row.step() ? RecordName(kind: row.name(1), id: row.name(2)) : nil
    }

    func end() { row.reset() }
}
