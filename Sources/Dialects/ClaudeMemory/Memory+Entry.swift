internal import Causality
internal import Storage
internal import Wire

extension Memory {
    /// The row of a head, whoever wrote it. What a native device left out, or wrote as something else, is as a POST
    /// without it would have it: a row that lacked one of them would fail its client's whole pull.
    init(_ entry: LogEntry) {
        let written = ISOTime.text(entry.change.updatedAt > 0 ? entry.change.updatedAt : entry.position.microseconds)
        self.init(
            content: "", category: Memory.standardCategory, tags: "", expandedKeywords: "", importance: .standard,
            isSensitive: false, createdAt: written, updatedAt: written)
        let body = Array(entry.change.body)
        body.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            // The store holds nothing that is not JSON; what is no object leaves the row as it is.
            try? scanner.eachField { (scanner, name) throws(JSONError) in
                let value = try scanner.value()
                if !take(scanner, name, value) {
                    others += ",\"".utf8
                    others += body[name]
                    others += "\":".utf8
                    others += body[value]
                }
            }
        }
        if entry.change.isDeleted { deletedAt = deletedAt ?? written } else { deletedAt = nil }
    }

    /// False where the field is none of a row's.
    private mutating func take(_ scanner: JSONScanner, _ name: Range<Int>, _ value: Range<Int>) -> Bool {
        if scanner.isName(name, "content") {
            content = scanner.string(at: value) ?? content
        } else if scanner.isName(name, "category") {
            category = scanner.string(at: value) ?? category
        } else if scanner.isName(name, "tags") {
            tags = scanner.string(at: value) ?? tags
        } else if scanner.isName(name, "expanded_keywords") {
            expandedKeywords = scanner.string(at: value) ?? expandedKeywords
        } else if scanner.isName(name, "importance") {
            importance = scanner.number(at: value) ?? importance
        } else if scanner.isName(name, "is_sensitive") {
            isSensitive = scanner.boolean(at: value) ?? isSensitive
        } else if scanner.isName(name, "created_at") {
            createdAt = scanner.string(at: value) ?? createdAt
        } else if scanner.isName(name, "updated_at") {
            updatedAt = scanner.string(at: value) ?? updatedAt
        } else if scanner.isName(name, "deleted_at") {
            deletedAt = scanner.string(at: value) ?? deletedAt
        } else {
            return scanner.isName(name, "id")
        }
        return true
    }
}

extension JSONScanner {
    /// The number at a validated value as it is spelled; nil where it is something else, too long or infinite.
    func number(at value: Range<Int>) -> Memory.Number? {
        guard let text = numberText(at: value), text.count <= Memory.Number.bytesMax,
            Double(String(decoding: text, as: UTF8.self))?.isFinite == true
        else { return nil }
        return Memory.Number(text: text)
    }
}
