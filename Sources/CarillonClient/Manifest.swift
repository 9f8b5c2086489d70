public import Causality

/// What a device holds, as `POST /v1/diff` compares it: names and hashes, in the order of their bytes.
public struct Manifest: Sendable {
    public struct Entry: Sendable, Equatable {
        public let kind: Identifier
        public let id: Identifier
        public let hash: Identifier

        public init(kind: Identifier, id: Identifier, hash: Identifier) {
            self.kind = kind
            self.id = id
            self.hash = hash
        }
    }

    private struct Name: Hashable {
        let kind: Identifier
        let id: Identifier
    }

    /// Records of one request. 5,000 names and hashes of ordinary length are some 700 KB; the hub takes 10,000.
    public static let requestCountMax = 5_000
    /// Bytes of one request, for names of their full length. 4 MiB, well under the 16 MiB of a frame.
    public static let requestBytesMax = 4 << 20

    private var hashes: [Name: Identifier] = [:]

    public init() {}

    public var count: Int { hashes.count }

    /// Takes the change into the manifest: the last one of a record counts, a deletion is a record that is not held.
    public mutating func add(_ change: Change) {
        hashes[Name(kind: change.kind, id: change.id)] = change.isDeleted ? nil : change.hash
    }

    public func entries() -> [Entry] {
        hashes.map { Entry(kind: $0.key.kind, id: $0.key.id, hash: $0.value) }
            .sorted { $0.kind == $1.kind ? $0.id < $1.id : $0.kind < $1.kind }
    }
}
