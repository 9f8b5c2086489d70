internal import Causality
internal import Wire

/// What a row says: the body of its record.
struct Memory: Equatable {
    /// A number as its writer spelled it: 0.9 stays 0.9.
    struct Number: Equatable {
        /// Longest spelling that is kept. Python writes at most 24 bytes.
        static let bytesMax = 64
        static let standard = Number(text: Array("0.5".utf8))

        let text: [UInt8]
    }

    var content: String
    var category: String
    var tags: String
    var expandedKeywords: String
    var importance: Number
    var isSensitive: Bool
    /// ISO 8601 with an offset.
    var createdAt: String
    var updatedAt: String
    var deletedAt: String?
    /// What else a native device wrote, as `,"name":value` over and over.
    var others: [UInt8] = []

    static let standardCategory = "facts"

    /// The fields' JSON, without the braces around it.
    func appendFields(into out: inout [UInt8]) {
        out.put(#""content":"#)
        out.putString(content)
        out.put(#","category":"#)
        out.putString(category)
        out.put(#","tags":"#)
        out.putString(tags)
        out.put(#","expanded_keywords":"#)
        out.putString(expandedKeywords)
        out.put(#","importance":"#)
        out += importance.text
        out.put(#","is_sensitive":"#)
        out.putBoolean(isSensitive)
        out.put(#","created_at":"#)
        out.putString(createdAt)
        out.put(#","updated_at":"#)
        out.putString(updatedAt)
        out.put(#","deleted_at":"#)
        if let deletedAt { out.putString(deletedAt) } else { out.put("null") }
    }

    /// The record's body.
    var body: [UInt8] {
        var out = [UInt8(ascii: "{")]
        appendFields(into: &out)
        out += others
        out.put("}")
        return out
    }

    /// The row as a pull tells it.
    func appendRow(_ id: MemoryID, into out: inout [UInt8]) {
        out.put(#"{"id":"#)
        out.putInteger(id.value)
        out.put(",")
        appendFields(into: &out)
        out.put("}")
    }

    /// What stays of a deleted row: that it was one, and when. Nothing of what it said.
    func deleted(at time: String) -> Memory {
        Memory(
            content: "", category: category, tags: "", expandedKeywords: "", importance: importance,
            isSensitive: isSensitive, createdAt: createdAt, updatedAt: time, deletedAt: time)
    }

    /// For people who see what was deleted: the first ``previewCountMax`` characters.
    var preview: String { String(String.UnicodeScalarView(content.unicodeScalars.prefix(Memory.previewCountMax))) }

    static let previewCountMax = 80
}

extension String {
    /// `==` of strings compares by canonical equivalence: two contents in other bytes are two contents.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
