/// Writes field lines and chunks, the part that requests and responses share.
enum FieldWriter {
    static func append(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(contentsOf: text.utf8)
    }

    /// Appends a field line. One that could end its line early is dropped: with peer data in it, that would be
    /// response splitting (RFC 9110 5.5), and a trap would be a way to stop the server.
    static func append(name: String, value: String, into bytes: inout [UInt8]) {
        guard Octet.isTokenText(name), value.utf8.allSatisfy(Octet.isFieldValue) else { return }
        append(name, into: &bytes)
        append(": ", into: &bytes)
        append(value, into: &bytes)
        append("\r\n", into: &bytes)
    }

    /// Appends the fields but those that frame the message, which are the writer's own.
    static func append(_ fields: [(String, String)], except names: [String], into bytes: inout [UInt8]) {
        for (name, value) in fields where !names.contains(name.lowercased()) {
            append(name: name, value: value, into: &bytes)
        }
    }

    /// Appends a chunk (RFC 9112 7.1). An empty one is nothing: a size of 0 would be the last chunk.
    static func appendChunk(_ data: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
        guard !data.isEmpty else { return }
        append(String(data.count, radix: 16), into: &bytes)
        append("\r\n", into: &bytes)
        bytes.append(contentsOf: data)
        append("\r\n", into: &bytes)
    }

    static func appendLastChunk(into bytes: inout [UInt8]) {
        append("0\r\n\r\n", into: &bytes)
    }
}
