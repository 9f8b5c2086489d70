internal import Causality
internal import Storage

/// Steps along an index in order of names, piece by piece. Columns 0, 1 and 2 of what its statement selects are kind, id
/// and position.
struct NameWalk {
    /// Rows of one piece, without contents: some 200 KB.
    static let pieceMax = 1_000

    private let connection: PostgresConnection
    private let statement: Statement
    private let space: Identifier
    private let pieceCount: Int64
    private var piece: Rows?
    private var index = 0
    private var isLastPiece = false
    private var start: (name: RecordName, position: Int64)

    /// - Parameters:
    ///   - statement: of the space $1, all rows from the name ($2, $3) and position $4 on, $5 at most.
    ///   - expected: rows that will be looked at, about.
    init(
        _ statement: Statement, _ connection: PostgresConnection, in space: Identifier, from start: RecordName,
        expected: Int
    ) {
        self.connection = connection
        self.statement = statement
        self.space = space
        self.start = (start, .min)
        pieceCount = Int64(min(max(expected, 16), NameWalk.pieceMax))
    }

    /// Goes on at `name` or the first one behind it. Never backwards.
    mutating func seek(_ name: RecordName) {
        start = (name, .min)
        guard let piece else { return }
        while index < piece.count {
            if NameWalk.name(piece[index]) >= name { return }
            index += 1
        }
        // Beyond what is at hand: asked for from there, and not all between.
        if !isLastPiece { self.piece = nil }
    }

    mutating func next() throws(PostgresFailure) -> (name: RecordName, row: Row)? {
        guard let found = try peek() else { return nil }
        index += 1
        let (position, isOver) = found.row.number(2).addingReportingOverflow(1)
        // Behind a head stands no other row of its name, whatever the position.
        start = (found.name, isOver ? .max : position)
        return found
    }

    /// What ``next()`` is going to return.
    mutating func peek() throws(PostgresFailure) -> (name: RecordName, row: Row)? {
        if piece.map({ index >= $0.count }) ?? true {
            if piece != nil, isLastPiece { return nil }
            try readOn()
        }
        guard let piece, index < piece.count else { return nil }
        return (NameWalk.name(piece[index]), piece[index])
    }

    private mutating func readOn() throws(PostgresFailure) {
        var parameters = Parameters()
        parameters.add(space)
        // Postgres takes no NUL in a text. 0x01 is the least byte that it takes, and no name of a device holds one
        // under 0x20: what comes behind "name, NUL" comes behind this.
        parameters.add(NameWalk.sendable(start.name.kind))
        parameters.add(NameWalk.sendable(start.name.id))
        parameters.add(start.position)
        parameters.add(pieceCount)
        let rows = try connection.run(statement, parameters)
        piece = rows
        index = 0
        isLastPiece = rows.count < pieceCount
    }

    private static func sendable(_ name: Identifier) -> String {
        guard name.text.utf8.contains(0) else { return name.text }
        return String(decoding: name.text.utf8.map { $0 == 0 ? 1 : $0 }, as: UTF8.self)
    }

    private static func name(_ row: Row) -> RecordName { RecordName(kind: row.name(0), id: row.name(1)) }
}
