internal import Causality

/// What ContextFS syncs. Each is a kind of the core's.
enum Entity: UInt8, CaseIterable, Sendable {
    case memory
    case session
    case edge

    var kind: Identifier {
        switch self {
        case .memory: "memory"
        case .session: "session"
        case .edge: "edge"
        }
    }

    init?(kind: Identifier) {
        guard let match = Entity.allCases.first(where: { $0.kind == kind }) else { return nil }
        self = match
    }

    /// Its list in requests and answers.
    init?(list name: String) {
        switch name {
        case "memories": self = .memory
        case "sessions": self = .session
        case "edges": self = .edge
        default: return nil
        }
    }

    var list: StaticString {
        switch self {
        case .memory: "memories"
        case .session: "sessions"
        case .edge: "edges"
        }
    }

    static let kinds = allCases.map(\.kind)
    static let defaultNamespace: Identifier = "global"
    /// Records of other clients in kinds of the same name: neither shown nor written.
    static let foreignNamespaces: Set<Identifier> = ["claude-memory", "watermelondb"]

    /// As `MemoryType` of the client lists them: it gives up a page in which there is another one.
    static let memoryTypes: Set<String> = [
        "fact", "decision", "procedural", "episodic", "user", "code", "error", "commit", "todo", "issue", "api",
        "schema", "test", "review", "release", "config", "dependency", "doc", "workflow", "task", "step", "agent_run",
    ]
}
