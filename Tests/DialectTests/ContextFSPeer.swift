import Causality
import ContextFSDialect
import Foundation
import Hub
import HubTesting
import Storage
import Testing

/// A hub that speaks ContextFS, and what its clients say to it.
struct ContextFSHub {
    let hub: TestHub

    init(_ store: HubStore, opened: (any Store)? = nil) throws {
        hub = try TestHub(store: try opened ?? store.open()) {
            $0.dialects = [MountedDialect(ContextFSDialect())]
        }
    }

    func peer(_ device: String, key: String? = nil) -> ContextFSPeer {
        ContextFSPeer(hub: hub, key: key ?? hub.key, device: device)
    }

    /// Another user with a key.
    func user(_ name: String) throws -> String { try hub.newKey(user: .init(stringLiteral: name)) }

    /// Puts users into one team.
    func team(_ names: [String]) throws {
        let team = Team(id: "t_band", name: "band")
        try hub.store.accounts.add(team)
        for name in names {
            let user = try #require(try hub.store.accounts.user(named: .init(stringLiteral: name)))
            try hub.store.accounts.setMember(Membership(teamID: team.id, userID: user.id, role: .member))
        }
    }
}

struct ContextFSPeer {
    typealias JSON = [String: Any]

    let hub: TestHub
    let key: String
    let device: String

    struct Failure: Error {
        let status: Int
        let body: String
    }

    func raw(_ path: String, _ body: String) throws -> (status: Int, head: String, body: String) {
        try hub.request("POST", path, body: body, key: key)
    }

    @discardableResult
    func post(_ path: String, _ fields: JSON) throws -> JSON {
        var fields = fields
        if fields["device_id"] == nil { fields["device_id"] = device }
        let data = try JSONSerialization.data(withJSONObject: fields)
        let answer = try raw(path, String(decoding: data, as: UTF8.self))
        guard answer.status == 200 else { throw Failure(status: answer.status, body: answer.body) }
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? JSON)
    }

    func status(_ path: String, _ fields: JSON) throws -> Int {
        do {
            try post(path, fields)
            return 200
        } catch let failure as Failure {
            return failure.status
        }
    }

    @discardableResult
    func push(
        _ memories: [JSON] = [], sessions: [JSON] = [], edges: [JSON] = [], since: Any = NSNull(), force: Bool = false
    ) throws -> JSON {
        try post(
            "/api/sync/push",
            [
                "memories": memories, "sessions": sessions, "edges": edges, "last_sync_timestamp": since,
                "backend_type": NSNull(), "force": force,
            ])
    }

    func pull(since: Any = NSNull(), offset: Int = 0, limit: Int = 1_000, namespaces: Any = NSNull()) throws -> JSON {
        try post(
            "/api/sync/pull",
            [
                "since_timestamp": since, "namespace_ids": namespaces, "backend_type": NSNull(), "limit": limit,
                "offset": offset,
            ])
    }

    @discardableResult
    func diff(_ memories: [JSON] = [], sessions: [JSON] = [], edges: [JSON] = []) throws -> JSON {
        try post("/api/sync/diff", ["memories": memories, "sessions": sessions, "edges": edges])
    }

    /// A memory as the client sends it.
    func memory(
        _ id: String, _ content: String, clock: [String: Int]? = nil, hash: String? = nil,
        updatedAt: String = "2026-11-21T10:00:00.000001Z", visibility: String = "private", _ more: JSON = [:]
    ) -> JSON {
        var memory: JSON = [
            "id": id, "content": content, "vector_clock": clock ?? [device: 1], "type": "fact",
            "content_hash": hash ?? "h-\(content)", "deleted_at": NSNull(), "created_at": "2026-11-21T09:00:00Z",
            "updated_at": updatedAt, "last_modified_by": NSNull(), "tags": ["a", "b"], "summary": NSNull(),
            "namespace_id": "global", "metadata": ["k": 1], "embedding": NSNull(), "encrypted": false,
            "visibility": visibility,
        ]
        memory.merge(more) { $1 }
        return memory
    }

    func entry(_ id: String, _ hash: Any, deletedAt: Any = NSNull()) -> JSON {
        ["id": id, "content_hash": hash, "updated_at": "2026-11-21T10:00:00Z", "deleted_at": deletedAt]
    }
}

extension [String: Any] {
    func text(_ name: String) -> String { self[name] as? String ?? "" }
    func number(_ name: String) -> Int { (self[name] as? NSNumber)?.intValue ?? -1 }
    func flag(_ name: String) -> Bool { (self[name] as? NSNumber)?.boolValue ?? false }
    func list(_ name: String) -> [[String: Any]] { self[name] as? [[String: Any]] ?? [] }
    func texts(_ name: String) -> [String] { self[name] as? [String] ?? [] }
    func ids(_ name: String = "memories") -> [String] { list(name).map { $0.text("id") }.sorted() }
    var stamp: String { text("server_timestamp") }
}
