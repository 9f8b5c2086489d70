/// The body of `POST /v1/resolve` that settles one record.
public struct ResolutionRequest: Sendable {
    public enum Content: Sendable {
        /// A stored version's content.
        case keep(StoredVersion)
        /// JSON.
        case body(ArraySlice<UInt8>)
        case deletion
    }

    /// Names the request: sent again under the same id, it gets the same answer.
    public var id: String
    public var kind: String
    public var recordID: String
    /// What the resolution has seen. All else survives beside it.
    public var supersedes: [StoredVersion]
    public var content: Content
    /// Microseconds since 1970.
    public var updatedAt: Int64

    public init(
        id: String, kind: String, recordID: String, supersedes: [StoredVersion], content: Content, updatedAt: Int64
    ) {
        self.id = id
        self.kind = kind
        self.recordID = recordID
        self.supersedes = supersedes
        self.content = content
        self.updatedAt = updatedAt
    }

    public func encode() -> [UInt8] {
        var out: [UInt8] = Array("{\"id\":".utf8)
        JSONText.append(id, into: &out)
        out += Array(",\"resolutions\":[{\"kind\":".utf8)
        JSONText.append(kind, into: &out)
        out += Array(",\"id\":".utf8)
        JSONText.append(recordID, into: &out)
        out += Array(",\"supersedes\":[".utf8)
        var clocks: [ArraySlice<UInt8>] = []
        // Versions of a cloned device may share a clock; it is named once.
        for version in supersedes where !clocks.contains(version.clock) { clocks.append(version.clock) }
        out += clocks.joined(separator: ",".utf8)
        out += Array("]".utf8)
        switch content {
        case .keep(let version):
            out += Array(",\"keep\":".utf8) + version.clock + Array(",\"hash\":".utf8)
            JSONText.append(version.hash, into: &out)
        case .body(let body):
            out += Array(",\"body\":".utf8) + body
            appendSurroundings(into: &out)
        case .deletion:
            out += Array(",\"deleted\":true".utf8)
            appendSurroundings(into: &out)
        }
        return out + Array("}]}".utf8)
    }

    /// A new content stays in the namespace and under the schema of what it replaces.
    private func appendSurroundings(into out: inout [UInt8]) {
        out += Array(",\"updated_at\":\(updatedAt)".utf8)
        guard let head = supersedes.first else { return }
        out += Array(",\"schema_version\":\(head.schemaVersion),\"namespace\":".utf8)
        JSONText.append(head.namespace, into: &out)
    }
}
