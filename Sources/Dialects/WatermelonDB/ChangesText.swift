internal import Causality
internal import Hub
internal import Wire

/// The `changes` of a pull, put together while the log is read in the order of its positions: each list of each table
/// grows by itself, and all are joined at the end. What is over ``memoryBytesMax`` waits in pieces in one file, so that
/// a first sync takes as much memory as any.
struct ChangesText {
    enum List: Int, CaseIterable {
        case created
        case updated
        case deleted
    }

    /// Text of all lists in memory.
    static let memoryBytesMax = 1 << 20
    /// Tables of one answer. An app has some dozens; each costs its name and three lists in memory.
    static let tablesMax = 10_000
    /// Bytes of the file that are in memory while it is joined.
    private static let copyBytes = 256 << 10

    private struct ListText {
        var bytes: [UInt8] = []
        var isEmpty = true
        /// What of it waits in the file, in order.
        var pieces: [(offset: Int, count: Int)] = []
    }

    private let makeWriter: () -> DialectBodyWriter
    private var indices: [Identifier: Int] = [:]
    /// Three for each table.
    private var lists: [ListText] = []
    private var memoryBytes = 0
    private var file: DialectBodyWriter?
    private var fileBytes = 0
    /// Whether a row is under `created`.
    private(set) var hasCreated = false

    init(_ makeWriter: @escaping () -> DialectBodyWriter) {
        self.makeWriter = makeWriter
    }

    /// Names a table, with or without rows.
    mutating func name(_ table: Identifier) throws(SyncProblem) {
        _ = try index(of: table)
    }

    /// Adds an element to a list.
    mutating func add(to list: List, of table: Identifier, _ write: (inout [UInt8]) -> Void) throws {
        if list == .created { hasCreated = true }
        let index = try index(of: table) + list.rawValue
        let before = lists[index].bytes.count
        if lists[index].isEmpty { lists[index].isEmpty = false } else { lists[index].bytes.put(",") }
        write(&lists[index].bytes)
        memoryBytes += lists[index].bytes.count - before
        if memoryBytes > ChangesText.memoryBytesMax { try spill() }
    }

    private mutating func index(of table: Identifier) throws(SyncProblem) -> Int {
        if let index = indices[table] { return index }
        guard indices.count < ChangesText.tablesMax else {
            throw .badField("There are over \(ChangesText.tablesMax) tables; name those to pull: tables=NAME,NAME.")
        }
        indices[table] = lists.count
        lists += List.allCases.map { _ in ListText() }
        return lists.count - List.allCases.count
    }

    private mutating func spill() throws {
        let file = file ?? makeWriter()
        self.file = file
        for index in lists.indices where !lists[index].bytes.isEmpty {
            try file.append(lists[index].bytes)
            lists[index].pieces.append((fileBytes, lists[index].bytes.count))
            fileBytes += lists[index].bytes.count
            lists[index].bytes = []
        }
        memoryBytes = 0
    }

    /// The whole answer. Tables stand in the order of their names.
    ///
    /// - Parameter tail: what follows the changes, from a comma to the last brace.
    mutating func finish(_ tail: [UInt8]) throws -> DialectBody {
        let waiting = try file?.finish()
        let writer = makeWriter()
        var text = Array("{\"changes\":{".utf8)
        for (place, (table, first)) in indices.sorted(by: { $0.key < $1.key }).enumerated() {
            if place > 0 { text.put(",") }
            text.putString(table.text)
            text.put(":{\"created\":[")
            try put(lists[first], waiting, &text, writer)
            text.put("],\"updated\":[")
            try put(lists[first + 1], waiting, &text, writer)
            text.put("],\"deleted\":[")
            try put(lists[first + 2], waiting, &text, writer)
            text.put("]}")
            for index in first..<(first + List.allCases.count) { lists[index] = ListText() }
        }
        text.put("}")
        try writer.append(text + tail)
        return try writer.finish()
    }

    private func put(
        _ list: ListText, _ waiting: DialectBody?, _ text: inout [UInt8], _ writer: DialectBodyWriter
    ) throws {
        for piece in list.pieces {
            var offset = piece.offset
            let end = piece.offset + piece.count
            while let waiting, offset < end {
                let bytes = try waiting.read(from: offset, countMax: min(ChangesText.copyBytes, end - offset))
                guard !bytes.isEmpty else { throw DialectError.internal }
                text += bytes
                offset += bytes.count
                try flush(&text, to: writer)
            }
        }
        text += list.bytes
        try flush(&text, to: writer)
    }

    private func flush(_ text: inout [UInt8], to writer: DialectBodyWriter) throws {
        guard text.count >= ChangesText.copyBytes else { return }
        try writer.append(text)
        text.removeAll(keepingCapacity: true)
    }
}
