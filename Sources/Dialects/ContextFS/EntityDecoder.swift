internal import Causality
internal import Cryptography
internal import Wire

/// Why an item is not stored: told with its id, and the others are stored.
struct Refusal: Error, Sendable {
    var id: String?
    var reason: String
}

/// Reads one item of a push. What the core holds goes into the change; everything else is the body, byte for byte, but
/// for dates without a zone, which gain their `Z`.
struct EntityDecoder {
    private let entity: Entity
    private let fields: [EntityField]
    private let scanner: JSONScanner
    private let bytes: UnsafeRawBufferPointer
    private var core: [Range<Int>?] = Array(repeating: nil, count: Core.allCases.count)
    private var numbers: [Float]?
    private var body: [UInt8] = [UInt8(ascii: "{")]
    private var seen: UInt64 = 0
    private var problem: String?
    private var namespace: String?
    private var updatedAt: Int64?
    private var content: Range<Int>?

    /// The first six of ``EntityField/all(of:)``, in their order.
    private enum Core: Int, CaseIterable {
        case id, clock, hash, deletedAt, embedding, visibility
    }

    private static let namespaceName: StaticString = "namespace_id"

    /// - Parameters:
    ///   - now: of an item that says no `updated_at`.
    ///   - fits: whether an embedding of this size may be stored.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, as entity: Entity, now: Int64, fits: (Int) throws -> Bool
    ) throws -> Result<Change, Refusal> {
        var decoder = EntityDecoder(bytes, entity)
        var walker = decoder.scanner
        do throws(JSONError) {
            guard walker.peek() == UInt8(ascii: "{") else {
                return .failure(Refusal(id: nil, reason: "it must be an object"))
            }
            try decoder.collect(&walker)
            try walker.finish()
        } catch {
            return .failure(Refusal(id: LooseID.find(bytes), reason: "\(error.code.sentence), at byte \(error.offset)"))
        }
        if let fault = walker.takeFault(), decoder.problem == nil { decoder.problem = fault.code.sentence }
        do {
            let change = try decoder.change(now: now)
            if let embedding = change.embedding, try !fits(embedding.count) {
                let reason = "embedding has \(embedding.count) numbers, and the user's memories have another size"
                throw Refusal(id: change.id.text, reason: reason)
            }
            return .success(change)
        } catch var refusal as Refusal {
            refusal.id = refusal.id ?? LooseID.find(bytes)
            return .failure(refusal)
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ entity: Entity) {
        self.bytes = bytes
        self.entity = entity
        fields = EntityField.all(of: entity)
        scanner = JSONScanner(bytes)
        body.reserveCapacity(1_024)
    }

    private mutating func collect(_ walker: inout JSONScanner) throws(JSONError) {
        try walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
            let index = index(of: name)
            if index == Core.embedding.rawValue, let read = walker.floats(countMax: Change.embeddingCountMax) {
                numbers = read
                note(index)
                return
            }
            let value = try walker.value()
            note(index)
            guard index < fields.count else { return keep(name, value) }
            guard index >= Core.allCases.count else {
                core[index] = scanner.isNull(at: value) ? nil : value
                return
            }
            take(fields[index], name, value)
        }
    }

    /// Where the field of this name stands in the table; past its end where it is none of them.
    private func index(of name: Range<Int>) -> Int {
        if let index = fields.firstIndex(where: { scanner.isName(name, $0.name) }) { return index }
        // Spelled with escapes, a name is read by the clients as the field that it spells.
        guard bytes[name].contains(UInt8(ascii: "\\")),
            let text = scanner.string(at: (name.lowerBound - 1)..<(name.upperBound + 1))
        else { return fields.count }
        return fields.firstIndex { $0.name.description == text } ?? fields.count
    }

    private mutating func note(_ index: Int) {
        guard index < fields.count else { return }
        if seen & (1 << UInt64(index)) != 0, problem == nil { problem = "\(fields[index].name) stands twice" }
        seen |= 1 << UInt64(index)
    }

    private mutating func take(_ field: EntityField, _ name: Range<Int>, _ value: Range<Int>) {
        switch field.check(scanner, value) {
        case .breaks(let wanted):
            if problem == nil { problem = "\(field.name) must be \(wanted)" }
            return
        case .isNull:
            switch field.rule {
            case .optionalText, .optionalDate: break
            // The default of what is never null.
            default: return
            }
            keep(name, value)
        case .lacksZone:
            keep(name, value.lowerBound..<(value.upperBound - 1))
            body.append(UInt8(ascii: "Z"))
            body.append(UInt8(ascii: "\""))
        case .fits: keep(name, value)
        }
        if field.name.utf8CodeUnitCount == EntityDecoder.namespaceName.utf8CodeUnitCount,
            scanner.isName(name, EntityDecoder.namespaceName)
        {
            namespace = scanner.string(at: value)
        } else if scanner.isName(name, "updated_at") {
            updatedAt = scanner.string(at: value).flatMap { ISODate.read($0.utf8)?.microseconds }
        } else if scanner.isName(name, "content") {
            content = value
        }
    }

    private mutating func keep(_ name: Range<Int>, _ value: Range<Int>) {
        if body.count > 1 { body.append(UInt8(ascii: ",")) }
        body.append(contentsOf: bytes[(name.lowerBound - 1)..<(name.upperBound + 1)])
        body.append(UInt8(ascii: ":"))
        body.append(contentsOf: bytes[value])
    }

    private func text(_ place: Core, _ name: String) throws -> String? {
        guard let value = core[place.rawValue] else { return nil }
        guard let text = scanner.string(at: value) else { throw Refusal(reason: "\(name) must be a string") }
        return text
    }

    private mutating func change(now: Int64) throws -> Change {
        guard let idText = try text(.id, "id") else { throw Refusal(reason: "id is missing") }
        func refused(_ reason: String) -> Refusal { Refusal(id: idText, reason: reason) }
        let id: Identifier
        do throws(IdentifierError) {
            id = try Identifier(idText)
        } catch {
            throw refused("id: \(error.sentence)")
        }
        if let problem { throw refused(problem) }
        var isDeleted = false
        var deletedAt: Int64?
        if let text = try text(.deletedAt, "deleted_at") {
            guard let date = ISODate.read(text.utf8) else { throw refused("deleted_at must be an ISO 8601 date") }
            isDeleted = true
            deletedAt = date.microseconds
            DeletedTime.append(date.microseconds, to: &body)
        }
        if entity == .memory, content == nil, !isDeleted { throw refused("content is missing") }
        if entity == .edge, !isDeleted {
            for name: StaticString in ["from_id", "to_id", "relation"] {
                guard let index = fields.firstIndex(where: { $0.name.description == name.description }),
                    seen & (1 << UInt64(index)) != 0
                else { throw refused("\(name) is missing") }
            }
        }
        body.append(UInt8(ascii: "}"))
        guard !NUL.isEscaped(in: body) else { throw refused("a text holds NUL (\\u0000)") }
        let visibility = try visibility(refused)
        let named = try namespace.map { text throws in
            guard let namespace = try? Identifier(text) else { throw refused("namespace_id is no name") }
            return namespace
        }
        let space = entity == .edge ? Entity.defaultNamespace : named ?? Entity.defaultNamespace
        guard !Entity.foreignNamespaces.contains(space) else {
            throw refused("namespace_id \(space) is another client's")
        }
        return Change(
            kind: entity.kind, id: id, namespace: space, clock: try clock(refused), hash: try hash(refused),
            body: body[...], isDeleted: isDeleted, updatedAt: clamped(updatedAt ?? deletedAt ?? now),
            embedding: try embedding(refused), visibility: visibility)
    }

    private func clamped(_ time: Int64) -> Int64 {
        min(max(time, -Position.max.microseconds), Position.max.microseconds)
    }

    private func visibility(_ refused: (String) -> Refusal) throws -> Visibility? {
        guard let text = try text(.visibility, "visibility") else { return entity == .memory ? .teamRead : nil }
        guard let visibility = Visibility(text: text) else {
            throw refused("visibility must be private, team_read or team_write")
        }
        return visibility
    }

    private func embedding(_ refused: (String) -> Refusal) throws -> [Float]? {
        if let numbers { return numbers }
        guard core[Core.embedding.rawValue] == nil else {
            throw refused("embedding must be a list of numbers that 32-bit floats hold")
        }
        return nil
    }

    /// As it was sent; where there is none, the SHA-256 of the content, of which the client takes 16 digits.
    private func hash(_ refused: (String) -> Refusal) throws -> Identifier {
        if let text = try text(.hash, "content_hash") {
            guard let hash = try? Identifier(text) else { throw refused("content_hash is no name") }
            return hash
        }
        let digest: [UInt8]
        if let content, let text = scanner.string(at: content) {
            digest = Digest.sha256(Array(text.utf8))
        } else {
            digest = Digest.sha256(body)
        }
        return Identifier(unchecked: Digest.hex(digest.prefix(8)))
    }

    private func clock(_ refused: (String) -> Refusal) throws -> VectorClock {
        guard let value = core[Core.clock.rawValue] else { return VectorClock() }
        var walker = scanner.at(value)
        guard walker.peek() == UInt8(ascii: "{") else { throw refused("vector_clock must be an object") }
        var entries: [VectorClock.Entry] = []
        var trouble: String?
        try? walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
            let value = try walker.value()
            let text = walker.string(at: (name.lowerBound - 1)..<(name.upperBound + 1)) ?? ""
            guard let device = try? Identifier(text) else {
                trouble = "vector_clock names no device"
                return
            }
            guard let counter = walker.integer(at: value), 0...VectorClock.counterMax ~= counter else {
                trouble = "vector_clock holds a counter that is no whole number from 0 to 2^53"
                return
            }
            entries.append(VectorClock.Entry(replica: device, counter: counter))
        }
        if let trouble { throw refused(trouble) }
        let clock = VectorClock(entries)
        guard clock.isWithinLimits else { throw refused("vector_clock has over \(VectorClock.entriesMax) devices") }
        return clock
    }
}

/// The time of a deletion in the body of its record.
enum DeletedTime {
    static let name: StaticString = "deleted_at"

    /// - Precondition: `body` is an object whose end is still to come.
    static func append(_ microseconds: Int64, to body: inout [UInt8]) {
        if body.count > 1 { body.append(UInt8(ascii: ",")) }
        body.put("\"deleted_at\":\"")
        ISODate.write(microseconds, into: &body)
        body.put("\"")
    }

    static func body(_ microseconds: Int64) -> [UInt8] {
        var body = [UInt8(ascii: "{")]
        append(microseconds, to: &body)
        body.append(UInt8(ascii: "}"))
        return body
    }
}

/// A text with NUL has a place neither in Postgres nor in the client's database.
enum NUL {
    /// Whether JSON text holds the escape of NUL.
    static func isEscaped(in json: [UInt8]) -> Bool {
        json.withUnsafeBufferPointer { bytes in
            var index = 0
            while index + 5 < bytes.count {
                guard bytes[index] == UInt8(ascii: "\\") else {
                    index += 1
                    continue
                }
                if bytes[index + 1] == UInt8(ascii: "u"), bytes[(index + 2)..<(index + 6)].allSatisfy({ $0 == 0x30 }) {
                    return true
                }
                index += 2
            }
            return false
        }
    }
}
