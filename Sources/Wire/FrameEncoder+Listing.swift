internal import Causality
public import Storage

/// Answers that list records by name.
extension FrameEncoder {
    /// Appends the answer of `GET /v1/records`: `records`, each a head with the number of its siblings where it has
    /// some, and `next` where there is more.
    public static func records(_ page: RecordPage, into out: inout [UInt8]) {
        out.reserveCapacity(page.records.reduce(out.count + 256) { $0 + $1.head.change.body.count + 512 })
        out.put("{\"records\":[")
        for (index, record) in page.records.enumerated() {
            if index > 0 { out.put(",") }
            encodeEntry(record.head, into: &out)
            guard !record.siblings.isEmpty else { continue }
            out.removeLast()
            out.put(",\"siblings\":")
            out.putInteger(record.siblings.count)
            out.put("}")
        }
        close(page.next, into: &out)
    }

    /// Appends the answer of `GET /v1/conflicts`: `conflicts`, each with `kind`, `id`, `head`, `siblings`, and
    /// `omitted`, the number of siblings for which there was no room; `next` where there is more.
    public static func conflicts(_ page: RecordPage, into out: inout [UInt8]) {
        out.put("{\"conflicts\":[")
        for (index, record) in page.records.enumerated() {
            if index > 0 { out.put(",") }
            out.put("{")
            put(record.head.change.name, into: &out)
            out.put(",")
            versions(of: record, into: &out)
            if page.omittedSiblingCount > 0, index == page.records.count - 1 {
                out.put(",\"omitted\":")
                out.putInteger(page.omittedSiblingCount)
            }
            out.put("}")
        }
        close(page.next, into: &out)
    }

    /// Appends the answer of `POST /v1/diff`.
    public static func diff(_ diff: RecordDiff, into out: inout [UInt8]) {
        out.put("{\"missing\":[")
        entries(diff.missing, into: &out)
        out.put("],\"different\":[")
        entries(diff.different, into: &out)
        out.put("],\"unknown\":[")
        for (index, name) in diff.unknown.enumerated() {
            if index > 0 { out.put(",") }
            out.put("{")
            put(name, into: &out)
            out.put("}")
        }
        out.put("]")
        put(next: diff.next, into: &out)
        out.put(",\"has_more\":")
        out.putBoolean(diff.hasMore)
        out.put("}")
    }

    private static func entries(_ entries: [ManifestEntry], into out: inout [UInt8]) {
        for (index, entry) in entries.enumerated() {
            out.put(index > 0 ? ",{" : "{")
            put(entry.name, into: &out)
            out.put(",\"hash\":")
            out.putString(entry.hash.text)
            out.put(",\"position\":")
            out.putInteger(entry.position.microseconds)
            if entry.isDeleted { out.put(",\"deleted\":true") }
            out.put("}")
        }
    }

    private static func put(_ name: RecordName, into out: inout [UInt8]) {
        out.put("\"kind\":")
        out.putString(name.kind.text)
        out.put(",\"id\":")
        out.putString(name.id.text)
    }

    private static func close(_ next: RecordName?, into out: inout [UInt8]) {
        out.put("]")
        put(next: next, into: &out)
        out.put("}")
    }

    private static func put(next: RecordName?, into out: inout [UInt8]) {
        guard let next else { return }
        out.put(",\"next\":\"")
        NameToken(next).write(into: &out)
        out.put("\"")
    }
}
