/// One version of a record as the hub stores it, head or sibling, with its clock and body as they came.
public struct StoredVersion: Sendable {
    public let hash: String
    /// JSON, to be sent back as it is.
    public let clock: ArraySlice<UInt8>
    /// JSON; empty where there is none.
    public let body: ArraySlice<UInt8>
    public let isDeleted: Bool
    public let namespace: String
    public let schemaVersion: Int64
    /// The device; empty where the hub composed the version.
    public let author: String
    /// Microseconds since 1970: when the hub took it, and when its writer says that it was written.
    public let position: Int64
    public let updatedAt: Int64
    /// Why it stands where it stands; empty where there is nothing to tell.
    public let reason: String
    public let detail: String

    init?(_ entry: RawObject) {
        guard let hash = entry.string("hash"), let clock = entry["clock"], let position = entry.integer("position")
        else {
            return nil
        }
        self.hash = hash
        self.clock = clock
        self.position = position
        body = entry.present("body") ?? []
        isDeleted = entry.boolean("deleted")
        namespace = entry.string("namespace") ?? "default"
        schemaVersion = entry.integer("schema_version") ?? 0
        author = entry.string("author") ?? ""
        updatedAt = entry.integer("updated_at") ?? 0
        reason = entry.string("reason") ?? ""
        detail = entry.string("detail") ?? ""
    }
}

/// A record with all its versions: the head first, then its siblings, oldest first.
public struct ConflictedRecord: Sendable {
    public let kind: String
    public let id: String
    public let versions: [StoredVersion]
    /// Siblings for which there was no room in the answer.
    public let omittedCount: Int

    /// Reads `{"head":…,"siblings":[…]}`, as `GET /v1/records/{kind}/{id}` answers it and `GET /v1/conflicts` lists it.
    /// Nil where `object` is none of it.
    public init?(_ object: RawObject) {
        guard let head = object.object("head"), let siblings = object.objects("siblings"),
            let kind = head.string("kind"), let id = head.string("id")
        else { return nil }
        let versions = ([head] + siblings.map(\.object)).map { StoredVersion($0) }
        self.kind = kind
        self.id = id
        omittedCount = Int(clamping: object.integer("omitted") ?? 0)
        self.versions = versions.compactMap { $0 }
        guard self.versions.count == versions.count else { return nil }
    }
}

/// A page of `GET /v1/conflicts`.
public struct ConflictsPage: Sendable {
    public let conflicts: [(json: ArraySlice<UInt8>, record: ConflictedRecord)]
    /// Where the next page begins; nil at the end.
    public let next: String?

    public init?(_ bytes: [UInt8]) {
        guard let answer = RawObject(bytes), let list = answer.objects("conflicts") else { return nil }
        var conflicts: [(json: ArraySlice<UInt8>, record: ConflictedRecord)] = []
        for (bytes, object) in list {
            guard let record = ConflictedRecord(object) else { return nil }
            conflicts.append((bytes, record))
        }
        self.conflicts = conflicts
        next = answer.string("next")
    }
}
