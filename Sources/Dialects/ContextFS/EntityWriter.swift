internal import Causality
internal import Wire

/// Writes records as the client's models want them, whoever made them: what a native device left out or wrote otherwise
/// has the models' default.
struct EntityWriter {
    private let entity: Entity
    private let fields: [EntityField]

    init(_ entity: Entity) {
        self.entity = entity
        fields = EntityField.all(of: entity)
    }

    /// - Parameter isHidden: it is no more to be seen by who asks: a deletion that tells nothing but the id.
    func write(_ entry: LogEntry, isHidden: Bool, into out: inout [UInt8]) {
        let change = entry.change
        out.put("{\"id\":")
        out.putString(change.id.text)
        out.put(",\"vector_clock\":")
        if isHidden { out.put("{}") } else { FrameEncoder.encodeClock(change.clock, into: &out) }
        if isHidden {
            out.put(",\"deleted_at\":\"")
            ISODate.write(entry.position.microseconds, into: &out)
            out.put("\"")
            writeFallbacks(entry, seen: 0, isHidden: true, into: &out)
            out.put("}")
            return
        }
        out.put(",\"content_hash\":")
        out.putString(change.hash.text)
        if entity == .memory {
            out.put(",\"embedding\":")
            if let embedding = change.embedding { out.putFloats(embedding) } else { out.put("null") }
            out.put(",\"visibility\":\"")
            out.append(contentsOf: (change.visibility ?? .private).text.utf8)
            out.put("\"")
        }
        var deletedAt: Int64?
        let seen = change.body.withUnsafeBytes { bytes in writeBody(bytes, change, &deletedAt, into: &out) }
        out.put(",\"deleted_at\":")
        if change.isDeleted {
            out.put("\"")
            ISODate.write(
                deletedAt ?? (change.updatedAt > 0 ? change.updatedAt : entry.position.microseconds), into: &out)
            out.put("\"")
        } else {
            out.put("null")
        }
        writeFallbacks(entry, seen: seen, isHidden: false, into: &out)
        out.put("}")
    }

    /// Copies the fields that the client can read; which of the table they are.
    private func writeBody(
        _ bytes: UnsafeRawBufferPointer, _ change: Change, _ deletedAt: inout Int64?, into out: inout [UInt8]
    ) -> UInt64 {
        let scanner = JSONScanner(bytes)
        var walker = scanner
        guard walker.peek() == UInt8(ascii: "{") else { return 0 }
        var seen: UInt64 = 0
        var time: Int64?
        try? walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
            let value = try walker.value()
            if let index = index(of: name, scanner, bytes) {
                let field = fields[index]
                if field.rule == .core {
                    guard scanner.isName(name, DeletedTime.name), let text = scanner.string(at: value) else { return }
                    time = ISODate.read(text.utf8)?.microseconds
                    return
                }
                let bit: UInt64 = 1 << UInt64(index)
                // The namespace is the core's to say.
                guard seen & bit == 0, !scanner.isName(name, "namespace_id"),
                    isReadable(field, scanner, value)
                else { return }
                seen |= bit
            }
            out.append(UInt8(ascii: ","))
            out.append(contentsOf: bytes[(name.lowerBound - 1)..<(name.upperBound + 1)])
            out.append(UInt8(ascii: ":"))
            out.append(contentsOf: bytes[value])
        }
        deletedAt = time
        return seen
    }

    private func isReadable(_ field: EntityField, _ scanner: JSONScanner, _ value: Range<Int>) -> Bool {
        switch field.check(scanner, value) {
        case .fits: return true
        case .isNull: return field.rule == .optionalText || field.rule == .optionalDate
        case .lacksZone, .breaks: return false
        }
    }

    private func index(of name: Range<Int>, _ scanner: JSONScanner, _ bytes: UnsafeRawBufferPointer) -> Int? {
        if let index = fields.firstIndex(where: { scanner.isName(name, $0.name) }) { return index }
        guard bytes[name].contains(UInt8(ascii: "\\")),
            let text = scanner.string(at: (name.lowerBound - 1)..<(name.upperBound + 1))
        else { return nil }
        return fields.firstIndex { $0.name.description == text }
    }

    private func writeFallbacks(_ entry: LogEntry, seen: UInt64, isHidden: Bool, into out: inout [UInt8]) {
        let change = entry.change
        for (index, field) in fields.enumerated() where seen & (1 << UInt64(index)) == 0 {
            switch field.rule {
            case .date:
                name(field, into: &out)
                out.put("\"")
                let time = change.updatedAt > 0 && !isHidden ? change.updatedAt : entry.position.microseconds
                ISODate.write(time, into: &out)
                out.put("\"")
            case .text where entity != .edge && field.name.utf8CodeUnitCount == 12:
                name(field, into: &out)
                out.putString(isHidden ? Entity.defaultNamespace.text : change.namespace.text)
            case .text where entity == .edge:
                name(field, into: &out)
                out.putString(part(field, of: change.id.text))
            default:
                guard let fallback = field.fallback else { continue }
                name(field, into: &out)
                out.put(fallback)
            }
        }
    }

    private func name(_ field: EntityField, into out: inout [UInt8]) {
        out.put(",\"")
        out.put(field.name)
        out.put("\":")
    }

    /// An edge's id is `from:to:relation`.
    private func part(_ field: EntityField, of id: String) -> String {
        let parts = id.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        switch field.name.description {
        case "from_id": return String(parts[0])
        case "to_id": return parts.count > 1 ? String(parts[1]) : ""
        default: return parts.count > 2 ? String(parts[2]) : ""
        }
    }
}

/// One text of a body, for answers that show it.
enum BodyText {
    static func find(_ name: StaticString, in body: ArraySlice<UInt8>) -> String? {
        body.withUnsafeBytes { bytes in
            let scanner = JSONScanner(bytes)
            var walker = scanner
            var found: String?
            guard walker.peek() == UInt8(ascii: "{") else { return nil }
            try? walker.eachField { (walker: inout JSONScanner, place: Range<Int>) throws(JSONError) in
                let value = try walker.value()
                if scanner.isName(place, name) { found = scanner.string(at: value) }
            }
            return found
        }
    }
}
