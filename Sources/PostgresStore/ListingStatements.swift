internal import Causality
internal import Storage

/// What listings ask. Those of a ``NameWalk`` take the place to go on from as $2, $3 and $4, and the number of rows.
///
/// Heads are one a name: a walk that goes on behind one asks for the next position of the same name, which is how the
/// comparison of names and positions leaves it out.
enum ListingStatements {
    static let siblingCount: Statement = "SELECT sibling_count FROM spaces WHERE space = $1"

    static let manifest: Statement = """
        SELECT kind, id, position, hash, is_deleted, access, owner FROM versions
        WHERE space = $1 AND NOT is_sibling AND (kind, id) >= ($2, $3) AND (kind, id, position) >= ($2, $3, $4)
        ORDER BY kind, id LIMIT $5
        """
    static let heads: Statement = """
        SELECT kind, id, position, bytes, namespace, is_deleted FROM versions
        WHERE space = $1 AND NOT is_sibling AND (kind, id) >= ($2, $3) AND (kind, id, position) >= ($2, $3, $4)
        ORDER BY kind, id LIMIT $5
        """
    static let conflicted: Statement = """
        SELECT s.kind, s.id, s.position, s.bytes, h.namespace, h.is_deleted, h.position, h.bytes
        FROM versions s
            JOIN versions h ON h.space = $1 AND h.kind = s.kind AND h.id = s.id AND NOT h.is_sibling
        WHERE s.space = $1 AND s.is_sibling AND (s.kind, s.id, s.position) >= ($2, $3, $4)
        ORDER BY s.kind, s.id, s.position LIMIT $5
        """

    static let entries = Statement(
        "SELECT \(VersionRow.columns) FROM versions v WHERE v.space = $1 AND v.position = ANY ($2)")
    /// Without content, oldest first of each name of $2 and $3.
    static let siblings = Statement(
        """
        SELECT \(VersionRow.bareColumns)
        FROM unnest($2, $3) WITH ORDINALITY AS n (kind, id, number)
            JOIN versions v ON v.space = $1 AND v.kind = n.kind AND v.id = n.id AND v.is_sibling
        ORDER BY n.number, v.position
        """)
}

/// A record with siblings, as a walk over them finds it: places and sizes.
struct ConflictedRecord {
    let name: RecordName
    let namespace: Identifier
    let isDeleted: Bool
    let head: Int64
    let headBytes: Int
    /// Oldest first.
    var siblings: [(position: Int64, bytes: Int)] = []

    /// The record at which the walk stands, and the walk behind it. nil at the end.
    static func next(_ walk: inout NameWalk) throws(PostgresFailure) -> ConflictedRecord? {
        guard let (name, first) = try walk.peek() else { return nil }
        var record = ConflictedRecord(
            name: name, namespace: first.name(4), isDeleted: first.flag(5), head: first.number(6),
            headBytes: Int(first.number(7)))
        while let (other, row) = try walk.peek(), other == name {
            record.siblings.append((row.number(2), Int(row.number(3))))
            _ = try walk.next()
        }
        return record
    }

    var bytes: Int { siblings.reduce(headBytes) { $0 + $1.bytes } }

    /// How many siblings, oldest first, have room.
    func fitting(_ room: Int) -> Int {
        var left = room
        return siblings.prefix { sibling in
            left -= sibling.bytes
            return left >= 0
        }.count
    }
}
