internal import Causality
internal import Hub
internal import Wire

/// What a device holds, as a diff's request tells it.
struct Manifest {
    struct Entry {
        let id: Identifier
        /// Of its content; nil of sessions and edges.
        let hash: Identifier?
        let deletedAt: Int64?
    }

    private(set) var entries: [[Entry]] = [[], [], []]
    private(set) var fields = RequestFields([:])

    /// Entries that are none, or have an id that no record can have, are passed over: nothing can be said of them.
    init(_ body: DialectBody, bytesMax: Int) throws {
        let bytes = try body.whole(bytesMax: bytesMax)
        var values: [String: [UInt8]] = [:]
        var entries = entries
        var trouble: Unprocessable?
        try bytes.withUnsafeBytes { bytes in
            var walker = JSONScanner(bytes)
            let scanner = walker
            do throws(JSONError) {
                try walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
                    let text = scanner.string(at: (name.lowerBound - 1)..<(name.upperBound + 1)) ?? ""
                    guard let entity = Entity(list: text), walker.peek() != UInt8(ascii: "n") else {
                        values[text] = Array(bytes[try walker.value()])
                        return
                    }
                    guard walker.peek() == UInt8(ascii: "[") else {
                        _ = try walker.value()
                        trouble = Unprocessable(
                            type: "list_type", place: ["body", text], message: "Input should be a valid list")
                        return
                    }
                    var list: [Entry] = []
                    try walker.eachElement { (walker: inout JSONScanner) throws(JSONError) in
                        if let entry = try Manifest.entry(&walker) { list.append(entry) }
                    }
                    entries[Int(entity.rawValue)] = list
                }
                try walker.finish()
            } catch {
                throw Unprocessable.notJSON(at: error.offset)
            }
        }
        if let trouble { throw trouble }
        self.entries = entries
        fields = RequestFields(values)
    }

    private static func entry(_ walker: inout JSONScanner) throws(JSONError) -> Entry? {
        guard walker.peek() == UInt8(ascii: "{") else {
            _ = try walker.value()
            return nil
        }
        var id: String?
        var hash: String?
        var deletedAt: Int64?
        try walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
            let value = try walker.value()
            if walker.isName(name, "id") {
                id = walker.string(at: value)
            } else if walker.isName(name, "content_hash") {
                hash = walker.string(at: value)
            } else if walker.isName(name, "deleted_at") {
                deletedAt = walker.string(at: value).flatMap { ISODate.read($0.utf8)?.microseconds }
            }
        }
        _ = walker.takeFault()
        guard let id, let name = try? Identifier(id) else { return nil }
        return Entry(id: name, hash: hash.flatMap { try? Identifier($0) }, deletedAt: deletedAt)
    }
}
