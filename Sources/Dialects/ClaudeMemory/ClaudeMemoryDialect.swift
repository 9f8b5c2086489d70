internal import Causality
internal import HTTPTypes
public import Hub
internal import Storage
internal import Wire

/// The sync protocol of claude-memory: rows with integer ids, each write one request.
///
/// A row is a record of kind ``Memories/kind`` in the user's own space. `server_time` is a position of its log.
public struct ClaudeMemoryDialect: Dialect {
    public let name = "claude-memory"

    /// Largest body of a request. 1 MiB: as much as the hub keeps in memory, so that a credential that is about to be
    /// redacted never waits in a file.
    static let bodyBytesMax = 1 << 20

    private let redacts: Bool

    /// - Parameter redacts: whether credentials in what is written are replaced by `[REDACTED:type]`
    ///   (Protocol/dialects/REDACTION.md).
    public init(redacts: Bool = true) {
        self.redacts = redacts
    }

    public var routes: [DialectRoute] {
        [
            // The hub has one at its root: this one is for where the dialect has a prefix.
            DialectRoute(.get, "/health") { _, _ in DialectAnswer(json: Array(#"{"status":"ok"}"#.utf8)) },
            DialectRoute(.get, "/api/auth-check") { request, desk in
                let account = try desk.account(key: request.key)
                var out: [UInt8] = []
                out.put(#"{"status":"ok","user_id":"#)
                out.putString(account.user.id.text)
                out.put("}")
                return DialectAnswer(json: out)
            },
            route(.get, "/api/memories/sync") { memories, request, _ in
                let since = try request.query("since")
                return DialectAnswer(json: try memories.list(since: since.map(Memories.position)))
            },
            route(.post, "/api/memories") { memories, _, body in
                let row = try memories.add(MemoryDraft(body: body, isWhole: true).redacted(redacts))
                var out: [UInt8] = []
                out.put(#"{"id":"#)
                out.putInteger(row.id.value)
                out.put(#","category":"#)
                out.putString(row.memory.category)
                out.put(#","importance":"#)
                out += row.memory.importance.text
                out.put("}")
                return DialectAnswer(json: out)
            },
            route(.put, "/api/memories/{id}") { memories, request, body in
                let id = try MemoryID(of: request)
                try memories.edit(id, by: MemoryDraft(body: body, isWhole: false).redacted(redacts))
                var out: [UInt8] = []
                out.put(#"{"updated":"#)
                out.putInteger(id.value)
                out.put("}")
                return DialectAnswer(json: out)
            },
            route(.delete, "/api/memories/{id}") { memories, request, _ in
                let id = try MemoryID(of: request)
                let preview = try memories.delete(id)
                var out: [UInt8] = []
                out.put(#"{"deleted":"#)
                out.putInteger(id.value)
                out.put(#","preview":"#)
                out.putString(preview)
                out.put("}")
                return DialectAnswer(json: out)
            },
        ]
    }

    public func answer(to error: DialectError) -> DialectAnswer { DialectAnswer(MemoryRefusal(error)) }
}
