internal import Wire

/// What the client's models say of one field. What breaks it on the way in refuses the item; on the way out it is left
/// out and the default stands, for the client gives up a whole page over it.
struct EntityField: Sendable {
    enum Rule: Sendable {
        /// The core holds it: not in the body.
        case core
        case text
        case optionalText
        case memoryType
        case texts
        case object
        case flag
        case number
        case date
        case optionalDate
    }

    let name: StaticString
    let rule: Rule
    /// What is written where it is missing; nil: nothing is. Of what is not null in the client's models.
    let fallback: StaticString?

    init(_ name: StaticString, _ rule: Rule, _ fallback: StaticString? = nil) {
        self.name = name
        self.rule = rule
        self.fallback = fallback
    }

    private static let common = [
        EntityField("id", .core), EntityField("vector_clock", .core), EntityField("content_hash", .core),
        EntityField("deleted_at", .core), EntityField("embedding", .core), EntityField("visibility", .core),
        EntityField("created_at", .date), EntityField("updated_at", .date),
        EntityField("last_modified_by", .optionalText), EntityField("metadata", .object, "{}"),
    ]

    private static let memory =
        common + [
            EntityField("content", .text, "\"\""), EntityField("type", .memoryType, "\"fact\""),
            EntityField("tags", .texts, "[]"), EntityField("summary", .optionalText),
            EntityField("namespace_id", .text), EntityField("repo_url", .optionalText),
            EntityField("repo_name", .optionalText), EntityField("relative_path", .optionalText),
            EntityField("source_file", .optionalText), EntityField("source_repo", .optionalText),
            EntityField("source_tool", .optionalText), EntityField("project", .optionalText),
            EntityField("session_id", .optionalText), EntityField("encrypted", .flag, "false"),
        ]

    private static let session =
        common + [
            EntityField("label", .optionalText), EntityField("namespace_id", .text),
            EntityField("tool", .text, "\"contextfs\""), EntityField("repo_url", .optionalText),
            EntityField("repo_name", .optionalText), EntityField("repo_path", .optionalText),
            EntityField("branch", .optionalText), EntityField("started_at", .date),
            EntityField("ended_at", .optionalDate), EntityField("summary", .optionalText),
        ]

    private static let edge =
        common + [
            EntityField("from_id", .text), EntityField("to_id", .text), EntityField("relation", .text),
            EntityField("weight", .number, "1.0"), EntityField("created_by", .optionalText),
        ]

    static func all(of entity: Entity) -> [EntityField] {
        switch entity {
        case .memory: memory
        case .session: session
        case .edge: edge
        }
    }
}

extension EntityField {
    enum Fit {
        case fits
        /// A date without a zone.
        case lacksZone
        case isNull
        case breaks(String)
    }

    /// Whether a validated value is what the client's model says.
    func check(_ scanner: JSONScanner, _ value: Range<Int>) -> Fit {
        var peeker = scanner.at(value)
        let first = peeker.peek() ?? 0
        let isText = first == UInt8(ascii: "\"")
        if first == UInt8(ascii: "n") { return .isNull }
        switch rule {
        case .core: return .fits
        case .text, .optionalText: return isText ? .fits : .breaks("a string")
        case .memoryType:
            guard let type = scanner.string(at: value), Entity.memoryTypes.contains(type) else {
                return .breaks("one of the client's memory types")
            }
            return .fits
        case .texts: return isTexts(scanner, value) ? .fits : .breaks("a list of strings")
        case .object: return first == UInt8(ascii: "{") ? .fits : .breaks("an object")
        case .flag: return scanner.boolean(at: value) != nil ? .fits : .breaks("true or false")
        case .number:
            return first == UInt8(ascii: "-") || first &- 0x30 < 10 ? .fits : .breaks("a number")
        case .date, .optionalDate:
            guard let text = scanner.string(at: value), let date = ISODate.read(text.utf8) else {
                return .breaks("an ISO 8601 date")
            }
            return date.hasZone ? .fits : .lacksZone
        }
    }

    private func isTexts(_ scanner: JSONScanner, _ value: Range<Int>) -> Bool {
        var walker = scanner.at(value)
        guard walker.peek() == UInt8(ascii: "[") else { return false }
        var areTexts = true
        try? walker.eachElement { (walker: inout JSONScanner) throws(JSONError) in
            if walker.peek() != UInt8(ascii: "\"") { areTexts = false }
            _ = try walker.value()
        }
        return areTexts
    }
}
