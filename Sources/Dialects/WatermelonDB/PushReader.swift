internal import Causality
internal import Wire

/// Reads the body of a push: the changes themselves (`{TABLE: {"created": [ROW, ..], "updated": [ROW, ..], "deleted":
/// [ID, ..]}, ..}`), or `{"changes": CHANGES, "last_pulled_at": N}`.
struct PushReader {
    private var scanner: JSONScanner
    private let bytes: UnsafeRawBufferPointer
    private var pushed = PushedRows()

    static func read(_ body: [UInt8]) throws(SyncProblem) -> PushedRows {
        let result = body.withUnsafeBytes { bytes -> Result<PushedRows, SyncProblem> in
            do throws(SyncProblem) {
                var reader = PushReader(bytes)
                return .success(try reader.read())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(_ bytes: UnsafeRawBufferPointer) {
        scanner = JSONScanner(bytes)
        self.bytes = bytes
        pushed.bodies.reserveCapacity(bytes.count)
    }

    private mutating func read() throws(SyncProblem) -> PushedRows {
        let hasTimestamp = try readTimestamp()
        if hasTimestamp {
            if try begins(UInt8(ascii: "{"), "The body") {
                repeat {
                    if try fieldName() == "changes" { try readChanges() } else { _ = try value() }
                } while try goesOn(UInt8(ascii: "}"))
            }
        } else {
            try readChanges()
        }
        do {
            try scanner.finish()
        } catch {
            throw .badJSON(error)
        }
        return pushed
    }

    /// Whether the body has a `last_pulled_at`, which is kept: then the changes are a field beside it. A table of that
    /// name would be an object.
    private mutating func readTimestamp() throws(SyncProblem) -> Bool {
        let start = scanner
        defer { scanner = start }
        guard try begins(UInt8(ascii: "{"), "The body") else { return false }
        var place: Range<Int>?
        repeat {
            let name = try fieldName()
            let isObject = scanner.peek() == UInt8(ascii: "{")
            let found = try value()
            if name == "last_pulled_at", !isObject { place = found }
        } while try goesOn(UInt8(ascii: "}"))
        guard let place else { return false }
        pushed.lastPulledAt = try SyncTimestamp.read(String(decoding: bytes[place], as: UTF8.self))
        return true
    }

    private mutating func readChanges() throws(SyncProblem) {
        guard try begins(UInt8(ascii: "{"), "The changes") else { return }
        repeat {
            let name = try fieldName()
            let table: Identifier
            do throws(IdentifierError) {
                table = try Identifier(name)
            } catch {
                throw .badField("A table's name cannot be used: \(error.sentence). Nothing was applied.")
            }
            try readTable(table)
        } while try goesOn(UInt8(ascii: "}"))
    }

    private mutating func readTable(_ table: Identifier) throws(SyncProblem) {
        guard try begins(UInt8(ascii: "{"), "The table \(table)") else { return }
        repeat {
            let name = try fieldName()
            guard let intent = PushedRows.Intent(rawValue: name) else {
                _ = try value()
                continue
            }
            guard try begins(UInt8(ascii: "["), "`\(name)` of \(table)") else { continue }
            repeat {
                if intent == .delete { try readDeletion(table) } else { try readRow(table, intent) }
            } while try goesOn(UInt8(ascii: "]"))
        } while try goesOn(UInt8(ascii: "}"))
    }

    private mutating func readDeletion(_ table: Identifier) throws(SyncProblem) {
        let id = try rowID(scanner.string(at: try value()), table)
        let end = pushed.bodies.count
        try pushed.add(PushedRows.Row(table: table, id: id, intent: .delete, body: end..<end))
    }

    private mutating func readRow(_ table: Identifier, _ intent: PushedRows.Intent) throws(SyncProblem) {
        guard scanner.peek() == UInt8(ascii: "{") else {
            _ = try value()
            throw .badField("`\(intent.rawValue)` of \(table) holds what is no row; nothing was applied. Send objects.")
        }
        let fields: RowFields
        do {
            fields = try RowFields(&scanner)
        } catch {
            throw .badJSON(error)
        }
        let id = try rowID(fields.id.flatMap { scanner.string(at: $0) }, table)
        if let (name, reason) = fields.unfit {
            throw .badField(
                "\(table) \(id): the column \(PushReader.shown(name)) \(reason). Nothing was applied. Columns are strings, numbers, "
                    + "booleans or null; keep a list or an object as text.")
        }
        let start = pushed.bodies.count
        try append(fields, id, table)
        let body = start..<pushed.bodies.count
        guard body.count <= WireLimits.standard.bodyBytesMax else {
            throw SyncProblem(
                413, ErrorCode.tooLarge.rawValue,
                "\(table) \(id) has over \(WireLimits.standard.bodyBytesMax) bytes. Nothing was applied. Keep files "
                    + "elsewhere and their addresses here.")
        }
        try pushed.add(PushedRows.Row(table: table, id: id, intent: intent, body: body))
    }

    /// The row as it is kept: its columns in the order of their names, which is another one after the app was started
    /// anew, and its values byte for byte. So the same content is the same text.
    private mutating func append(_ fields: RowFields, _ id: Identifier, _ table: Identifier) throws(SyncProblem) {
        let columns = fields.columns.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (left, right) in zip(columns, columns.dropFirst()) where left.name.utf8.elementsEqual(right.name.utf8) {
            throw .badField(
                "\(table) \(id): the column \(PushReader.shown(left.name)) stands twice. Nothing was applied.")
        }
        pushed.bodies.put("{\"id\":")
        pushed.bodies.putString(id.text)
        for column in columns {
            pushed.bodies.put(",")
            pushed.bodies.append(contentsOf: bytes[column.nameText])
            pushed.bodies.put(":")
            pushed.bodies.append(contentsOf: bytes[column.value])
        }
        pushed.bodies.put("}")
    }

    /// A text of the body goes into the answer: no more of it than a name has.
    private static func shown(_ text: String) -> String {
        String(decoding: text.utf8.prefix(Identifier.bytesMax), as: UTF8.self)
    }

    private func rowID(_ text: String?, _ table: Identifier) throws(SyncProblem) -> Identifier {
        guard let text, RowText.isID(text) else {
            let shown = text.map { "`\(PushReader.shown($0))`" }
            throw .badField(
                "\(table) has a row whose id is \(shown ?? "missing or no string"); nothing was applied. An id is 1 to "
                    + "\(Identifier.bytesMax) of the characters A-Z a-z 0-9 _ . -")
        }
        return Identifier(unchecked: text)
    }
}

/// Steps of the walk, their errors as an app is told them.
extension PushReader {
    /// Consumes the beginning of an object or a list; false where that is also its end.
    private mutating func begins(_ mark: UInt8, _ what: String) throws(SyncProblem) -> Bool {
        guard let found = scanner.peek() else { throw .badJSON(JSONError(.truncated, at: scanner.position)) }
        guard found == mark else {
            _ = try value()
            throw .badField(
                "\(what) must be \(mark == UInt8(ascii: "{") ? "an object" : "a list"); nothing was applied. Send "
                    + "{TABLE: {\"created\": [..], \"updated\": [..], \"deleted\": [..]}}.")
        }
        // Both marks stand two before their ends.
        return !(scanner.consume(mark) && scanner.consume(mark + 2))
    }

    /// Whether another element follows; else the end is consumed.
    private mutating func goesOn(_ end: UInt8) throws(SyncProblem) -> Bool {
        if scanner.consume(UInt8(ascii: ",")) { return true }
        do {
            try scanner.expect(end)
        } catch {
            throw .badJSON(error)
        }
        return false
    }

    private mutating func fieldName() throws(SyncProblem) -> String {
        do throws(JSONError) {
            let name = try scanner.fieldName()
            if let fault = scanner.takeFault() { throw fault }
            return scanner.string(at: (name.lowerBound - 1)..<(name.upperBound + 1)) ?? ""
        } catch {
            throw .badJSON(error)
        }
    }

    private mutating func value() throws(SyncProblem) -> Range<Int> {
        do {
            let place = try scanner.value()
            _ = scanner.takeFault()
            return place
        } catch {
            throw .badJSON(error)
        }
    }
}
