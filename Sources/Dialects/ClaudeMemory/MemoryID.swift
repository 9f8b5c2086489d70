internal import Causality
internal import Cryptography
internal import Hub

/// A row's id: 1 to 2^63 - 1.
///
/// It is made of what it names, so that a POST that comes again, its answer lost, finds the row that it made. A deleted
/// row keeps its id for ever: the same content is then a row of the next attempt.
struct MemoryID: Hashable, Sendable {
    let value: Int64

    /// The id of a record; nil where that is no whole number in its shortest form.
    init?(_ text: String) {
        guard text.utf8.count <= 19, let value = Int64(text), value > 0, String(value) == text else { return nil }
        self.value = value
    }

    /// As the path names it.
    ///
    /// - Throws: ``DialectError/notFound``: to a client that counts 404 as done, an id that can be nobody's is one that
    ///   is gone.
    init(of request: DialectRequest) throws(DialectError) {
        guard let text = request.parameters.first, let id = MemoryID(text) else { throw .notFound }
        self = id
    }

    /// The first 63 bits of SHA-256 over a label, the user, the attempt and the content, each ended by a zero byte but
    /// the last. 63 random bits: among a million rows of all users, two alike are one in 18 million.
    init(_ content: String, of user: Identifier, attempt: Int) {
        let digest = SHA256Stream()
        digest.update(Array("carillon.claude-memory.id\0\(user.text)\0\(attempt)\0".utf8))
        digest.update(Array(content.utf8))
        let bits = digest.finish().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
        value = bits == 0 ? 1 : Int64(bits)
    }

    var name: RecordName { RecordName(kind: Memories.kind, id: Identifier(unchecked: String(value))) }
}
