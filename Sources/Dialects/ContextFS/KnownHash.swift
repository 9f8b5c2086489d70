internal import Causality
internal import Cryptography

/// That the hub has had a version of this hash. The log keeps the newest version of a record and no other, so an edit
/// leaves one of these for the version it replaces: a deletion of a record that never was, of some 100 bytes, which no
/// client shows and no limit counts. A diff looks there to tell a device that is behind from one that has an edit.
enum KnownHash {
    static let kind: Identifier = "contextfs-version"
    static let namespace: Identifier = "contextfs"

    static func name(_ hash: Identifier, of record: RecordName) -> RecordName {
        let text = "\(record.kind)\u{0}\(record.id)\u{0}\(hash)"
        return RecordName(kind: kind, id: Identifier(unchecked: Digest.hex(Digest.sha256(Array(text.utf8)).prefix(16))))
    }

    /// Always the same: coming again, it is a duplicate.
    static func change(_ hash: Identifier, of record: RecordName) -> Change {
        Change(
            kind: kind, id: name(hash, of: record).id, namespace: namespace,
            clock: VectorClock([VectorClock.Entry(replica: "contextfs", counter: 1)]), hash: "0", body: [],
            isDeleted: true, visibility: .private)
    }
}
