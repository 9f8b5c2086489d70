internal import Causality
internal import Hub
internal import Storage
internal import Wire

/// `GET /ws/memories`: tells a dashboard that memories were made, changed or deleted, and how many.
enum MemoryNotices {
    static func open(_ request: DialectRequest, _ desk: DialectDesk) throws -> DialectSocket {
        let account: DialectAccount
        do {
            account = try desk.account(key: try request.key ?? request.query("api_key"))
        } catch DialectError.unauthorized {
            // The dashboard knows a refused handshake by this status.
            throw DialectError.forbidden("Invalid or missing API key")
        }
        let reach = try Reach(account.user, desk)
        var greeting: [UInt8] = []
        greeting.put("{\"type\":\"connected\",\"data\":{\"user_id\":")
        greeting.putString(account.user.id.text)
        greeting.put("}}")
        return DialectSocket(
            account: account, spaces: reach.all, kinds: [Entity.memory.kind], greeting: greeting,
            idle: (seconds: 30, message: Array("{\"type\":\"ping\"}".utf8)), messages: messages)
    }

    /// One message for each of the three that happened.
    static let messages: @Sendable ([DialectNotice]) -> [[UInt8]] = { notices in
        let memories = notices.filter {
            $0.kind == Entity.memory.kind && !$0.isSibling && !Entity.foreignNamespaces.contains($0.namespace)
        }
        let deleted = memories.count { $0.isDeleted }
        let created = memories.count { $0.isFirstVersion && !$0.isDeleted }
        let counts: [(StaticString, Int)] = [
            ("memory_created", created), ("memory_updated", memories.count - created - deleted),
            ("memory_deleted", deleted),
        ]
        return counts.filter { $0.1 > 0 }.map { type, count in
            var out: [UInt8] = []
            out.put("{\"type\":\"")
            out.put(type)
            out.put("\",\"data\":{\"count\":")
            out.putInteger(count)
            out.put("}}")
            return out
        }
    }
}
