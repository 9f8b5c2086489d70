internal import Causality
internal import Cryptography
internal import Storage

/// Reads one change. Its body stays a slice of the frame's bytes.
struct ChangeDecoder {
    private var kind = FieldPlace("kind")
    private var id = FieldPlace("id")
    private var namespace = FieldPlace("namespace")
    private var clock = FieldPlace("clock")
    private var hash = FieldPlace("hash")
    private var body = FieldPlace("body")
    private var deleted = FieldPlace("deleted")
    private var updatedAt = FieldPlace("updated_at")
    private var schemaVersion = FieldPlace("schema_version")
    private var embedding = FieldPlace("embedding")
    /// The embedding, where it was read in the pass that found it.
    private var numbers: [Float]?
    private var supersedes = FieldPlace("supersedes")
    private var position = FieldPlace("position")
    private var author = FieldPlace("author")
    private var sibling = FieldPlace("sibling")
    private var keep = FieldPlace("keep")
    /// Whether it reads a resolution, which has a field `keep`.
    private let isResolution: Bool
    private var reason = FieldPlace("reason")
    private var detail = FieldPlace("detail")
    private var visibility = FieldPlace("visibility")
    private var owner = FieldPlace("owner")
    private var problem: FieldProblem?

    private let embeddingCountMax: Int

    private init(_ limits: WireLimits, isResolution: Bool = false) {
        self.isResolution = isResolution
        embeddingCountMax = limits.embeddingCountMax
    }

    /// Times before 1970 and up to the year 2255, exact in every JSON reader.
    private static let timeRange = -Position.max.microseconds...Position.max.microseconds

    /// Consumes one element of a push. Throws where it is not JSON; all else becomes a rejection.
    static func item(
        _ scanner: inout JSONScanner, of bytes: [UInt8], limits: WireLimits, writer: Identifier = "",
        mustSupersede: Bool = false
    ) throws(JSONError) -> PushItem {
        var decoder = ChangeDecoder(limits)
        guard try decoder.collect(&scanner) else {
            return .rejected(
                ItemRejection(kind: nil, id: nil, error: .badField, message: "a change must be an object"))
        }
        do throws(FieldProblem) {
            let change = try decoder.change(scanner, of: bytes, limits: limits, writer: writer)
            if mustSupersede, change.supersedes.isEmpty { throw .missing("supersedes") }
            return .change(change)
        } catch {
            return .rejected(decoder.rejection(error, scanner))
        }
    }

    /// Reads an entry of the log at a validated value.
    static func entry(
        _ scanner: JSONScanner, at place: Range<Int>, of bytes: [UInt8], limits: WireLimits
    ) throws(FieldProblem) -> LogEntry {
        var decoder = ChangeDecoder(limits)
        guard try decoder.collect(scanner, at: place) else {
            throw FieldProblem(.badField, "a change must be an object")
        }
        var change = try decoder.change(scanner, of: bytes, limits: limits)
        if change.visibility == nil { change.visibility = .private }
        guard let position = try decoder.position.position(scanner) else { throw .missing("position") }
        // Empty where the hub is the author, as no name is.
        let isHubs = try decoder.author.string(scanner)?.isEmpty == true
        guard let author = isHubs ? "" : try decoder.author.identifier(scanner) else { throw .missing("author") }
        let isSibling = try decoder.sibling.boolean(scanner) ?? false
        // A reason of a later hub reads as a plain one.
        let reason = try decoder.reason.string(scanner).flatMap { Reason(rawValue: $0) } ?? .newer
        return LogEntry(
            position: position, author: author, change: change, isSibling: isSibling, reason: reason,
            detail: try decoder.detail.string(scanner) ?? "", owner: try decoder.owner.identifier(scanner) ?? "")
    }

    /// Reads one element of a resolve at a validated value; the settlement is nil where the item is a rejection.
    static func resolution(
        _ scanner: JSONScanner, at place: Range<Int>, of bytes: [UInt8], limits: WireLimits
    ) throws(FieldProblem) -> (PushItem, Settlement?) {
        var decoder = ChangeDecoder(limits, isResolution: true)
        guard try decoder.collect(scanner, at: place) else {
            let rejection = ItemRejection(
                kind: nil, id: nil, error: .badField, message: "a resolution must be an object")
            return (.rejected(rejection), nil)
        }
        do throws(FieldProblem) {
            let (change, settlement) = try decoder.resolution(scanner, of: bytes, limits: limits)
            return (.change(change), settlement)
        } catch {
            return (.rejected(decoder.rejection(error, scanner)), nil)
        }
    }

    private func resolution(
        _ scanner: JSONScanner, of bytes: [UInt8], limits: WireLimits
    ) throws(FieldProblem) -> (Change, Settlement) {
        if let problem { throw problem }
        guard let kept = try keep.clock(scanner, limits: limits) else {
            let isDeleted = try deleted.boolean(scanner) ?? false
            guard body.range != nil || isDeleted else {
                throw FieldProblem(.missingField, "one of the fields `keep`, `body` and `deleted` is missing")
            }
            let change = try change(scanner, of: bytes, limits: limits)
            guard !change.supersedes.isEmpty else { throw .missing("supersedes") }
            return (change, Settlement(inheritsNamespace: try namespace.identifier(scanner) == nil))
        }
        guard body.range == nil, try deleted.boolean(scanner) ?? false == false else {
            throw FieldProblem(.badField, "`keep` takes a stored version's content: leave out `body` and `deleted`")
        }
        guard let kind = try kind.identifier(scanner) else { throw .missing("kind") }
        guard let id = try id.identifier(scanner) else { throw .missing("id") }
        let superseded = try supersedes.clocks(scanner, limits: limits)
        guard !superseded.isEmpty else { throw .missing("supersedes") }
        let change = Change(
            kind: kind, id: id, clock: VectorClock(), hash: "", body: [], supersedes: superseded,
            visibility: try readVisibility(scanner))
        let name = VersionName(clock: kept, hash: try hash.identifier(scanner, code: .badField))
        return (change, Settlement(keeps: name))
    }

    /// The rejection of an item that was collected, with its names where they can be repeated.
    private func rejection(_ problem: FieldProblem, _ scanner: JSONScanner) -> ItemRejection {
        ItemRejection(
            kind: echo(kind, scanner), id: echo(id, scanner), error: problem.code, message: problem.message)
    }

    /// As ``collect(_:)``, at a validated value.
    private mutating func collect(_ scanner: JSONScanner, at place: Range<Int>) throws(FieldProblem) -> Bool {
        var walker = scanner.at(place)
        do throws(JSONError) {
            return try collect(&walker)
        } catch {
            throw FieldProblem(error)
        }
    }

    /// Notes where the fields lie. False where the value is no object.
    private mutating func collect(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        guard scanner.peek() == UInt8(ascii: "{") else {
            _ = try scanner.value()
            _ = scanner.takeFault()
            return false
        }
        try scanner.eachField { (scanner, name) throws(JSONError) in
            try self.take(name, &scanner)
        }
        return true
    }

    private mutating func take(_ name: Range<Int>, _ scanner: inout JSONScanner) throws(JSONError) {
        if scanner.isName(name, "body") {
            try body.take(&scanner, &problem)
        } else if scanner.isName(name, "kind") {
            try kind.take(&scanner, &problem)
        } else if scanner.isName(name, "id") {
            try id.take(&scanner, &problem)
        } else if scanner.isName(name, "clock") {
            try clock.take(&scanner, &problem)
        } else if scanner.isName(name, "namespace") {
            try namespace.take(&scanner, &problem)
        } else if scanner.isName(name, "hash") {
            try hash.take(&scanner, &problem)
        } else if scanner.isName(name, "deleted") {
            try deleted.take(&scanner, &problem)
        } else if scanner.isName(name, "updated_at") {
            try updatedAt.take(&scanner, &problem)
        } else if scanner.isName(name, "schema_version") {
            try schemaVersion.take(&scanner, &problem)
        } else if scanner.isName(name, "embedding") {
            try takeEmbedding(&scanner)
        } else if scanner.isName(name, "supersedes") {
            try supersedes.take(&scanner, &problem)
        } else if scanner.isName(name, "position") {
            try position.take(&scanner, &problem)
        } else if scanner.isName(name, "author") {
            try author.take(&scanner, &problem)
        } else if scanner.isName(name, "sibling") {
            try sibling.take(&scanner, &problem)
        } else if isResolution, scanner.isName(name, "keep") {
            try keep.take(&scanner, &problem)
        } else if scanner.isName(name, "reason") {
            try reason.take(&scanner, &problem)
        } else if scanner.isName(name, "detail") {
            try detail.take(&scanner, &problem)
        } else if scanner.isName(name, "visibility") {
            try visibility.take(&scanner, &problem)
        } else if scanner.isName(name, "owner") {
            try owner.take(&scanner, &problem)
        } else {
            // Fields of later versions are passed over; their text must be sound all the same.
            var unknown = FieldPlace("unknown")
            try unknown.take(&scanner, &problem)
        }
    }

    /// Most of a record's bytes: validated and read at once, but where it is wrong.
    private mutating func takeEmbedding(_ scanner: inout JSONScanner) throws(JSONError) {
        _ = scanner.peek()
        let start = scanner.position
        guard embedding.range == nil, let numbers = scanner.floats(countMax: embeddingCountMax) else {
            return try embedding.take(&scanner, &problem)
        }
        self.numbers = numbers
        embedding.note(start..<scanner.position)
    }

    private func readEmbedding(_ scanner: JSONScanner) throws(FieldProblem) -> [Float]? {
        if let numbers { return numbers }
        return try embedding.embedding(scanner, countMax: embeddingCountMax)
    }

    /// What the sender of a line adds to it, where the line leaves it out.
    private struct Additions {
        var kind: Identifier?
        var hasClock = false
        /// Stands for the default hash, which is then not computed.
        var hash: Identifier?
    }

    /// Checks a line of NDJSON, to which a clock, a kind and a time may be added.
    static func gaps(
        _ scanner: inout JSONScanner, of bytes: [UInt8], kind: Identifier?, limits: WireLimits
    ) throws(JSONError) -> LineCheck {
        var decoder = ChangeDecoder(limits)
        var start = scanner
        guard try decoder.collect(&scanner) else {
            return .rejected(
                ItemRejection(kind: nil, id: nil, error: .badField, message: "a change must be an object"))
        }
        try start.expect(UInt8(ascii: "{"))
        let gaps = LineGaps(
            start: start.position, lacksKind: decoder.kind.range == nil,
            lacksClock: decoder.clock.range == nil && decoder.supersedes.range == nil,
            lacksTime: decoder.updatedAt.range == nil)
        let additions = Additions(kind: gaps.lacksKind ? kind : nil, hasClock: gaps.lacksClock, hash: "unknown")
        do throws(FieldProblem) {
            _ = try decoder.change(scanner, of: bytes, limits: limits, adding: additions)
            return .change(gaps)
        } catch {
            return .rejected(decoder.rejection(error, scanner))
        }
    }

    private func change(
        _ scanner: JSONScanner, of bytes: [UInt8], limits: WireLimits, writer: Identifier = "",
        adding additions: Additions = Additions()
    ) throws(FieldProblem) -> Change {
        if let problem { throw problem }
        guard let kind = try kind.identifier(scanner) ?? additions.kind else { throw .missing("kind") }
        guard let id = try id.identifier(scanner) else { throw .missing("id") }
        let superseded = try supersedes.clocks(scanner, limits: limits)
        let clock = try clock.clock(scanner, limits: limits)
        // What a change supersedes is a clock of its own: the resolver counts the edit on top of it.
        guard clock != nil || !superseded.isEmpty || additions.hasClock else { throw .missing("clock") }
        let isDeleted = try deleted.boolean(scanner) ?? false
        let content = try content(of: bytes, isDeleted: isDeleted, limits: limits)
        let hash =
            try hash.identifier(scanner, code: .badField) ?? additions.hash ?? ChangeDecoder.defaultHash(of: content)
        let updatedAt = try updatedAt.integer(scanner, in: ChangeDecoder.timeRange) ?? 0
        let schemaVersion = try schemaVersion.integer(scanner, in: 0...Int64(Int32.max)) ?? 0
        return Change(
            kind: kind, id: id, namespace: try namespace.identifier(scanner) ?? Change.defaultNamespace,
            clock: clock ?? VectorClock(), hash: hash, body: content, isDeleted: isDeleted, updatedAt: updatedAt,
            schemaVersion: Int(schemaVersion),
            embedding: try readEmbedding(scanner), writer: writer, supersedes: superseded,
            visibility: try readVisibility(scanner))
    }

    private func readVisibility(_ scanner: JSONScanner) throws(FieldProblem) -> Visibility? {
        guard let text = try visibility.string(scanner) else { return nil }
        guard let visibility = Visibility(text: text) else {
            throw FieldProblem(.badField, "the field `visibility` must be private, team_read or team_write")
        }
        return visibility
    }

    private func content(
        of bytes: [UInt8], isDeleted: Bool, limits: WireLimits
    ) throws(FieldProblem) -> ArraySlice<UInt8> {
        guard let place = body.range else {
            guard isDeleted else { throw .missing("body") }
            return []
        }
        guard place.count <= limits.bodyBytesMax else {
            throw FieldProblem(
                .tooLarge, "the body has \(place.count) bytes, over the limit of \(limits.bodyBytesMax)")
        }
        return bytes[place]
    }

    /// SHA-256 in hexadecimal; of no bytes for a deletion without a body.
    static func defaultHash(of body: ArraySlice<UInt8>) -> Identifier {
        let digest = Digest.sha256(body)
        let text = String(unsafeUninitializedCapacity: 2 * digest.count) { out in
            for (index, byte) in digest.enumerated() {
                out[2 * index] = hexDigit(byte >> 4)
                out[2 * index + 1] = hexDigit(byte & 15)
            }
            return 2 * digest.count
        }
        return Identifier(unchecked: text)
    }

    /// What a rejection repeats of a name: at most ``Identifier/bytesMax`` bytes, cut between characters.
    private func echo(_ place: FieldPlace, _ scanner: JSONScanner) -> String? {
        guard let text = place.repeatable(scanner) else { return nil }
        guard text.utf8.count > Identifier.bytesMax else { return text }
        var cut = ""
        for character in text.unicodeScalars {
            guard cut.utf8.count + UTF8.width(character) <= Identifier.bytesMax else { break }
            cut.unicodeScalars.append(character)
        }
        return cut
    }
}
