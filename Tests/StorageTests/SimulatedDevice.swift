import Causality
import Storage

/// A device of the schedules: a copy of the heads, one unanswered frame at a time, and a clock name of its own.
struct SimulatedDevice {
    let id: Identifier
    var replica: Identifier
    var counter: Int64 = 0
    var copy: [RecordName: [Position: LogEntry]] = [:]
    var cursor = Position.start
    var unanswered: Submission?

    mutating func pull(from store: MemoryStore, limit: Int) throws -> Bool {
        let page = try store.page(PageQuery(space: "s", after: cursor, limit: limit))
        for entry in page.entries { take(entry) }
        cursor = page.upTo
        return page.hasMore
    }

    /// A device keeps what the log would: a new head replaces the head and ends the siblings that it dominates.
    private mutating func take(_ entry: LogEntry) {
        var versions = copy[entry.change.name] ?? [:]
        for (position, old) in versions {
            // A sibling never ends the head, not even with its very clock (equivocation).
            let isEnded = old.isSibling ? entry.change.clock.dominates(old.change.clock) : !entry.isSibling
            if isEnded { versions[position] = nil }
        }
        versions[entry.position] = entry
        copy[entry.change.name] = versions
    }

    func head(_ name: RecordName) -> LogEntry? {
        copy[name]?.values.filter { !$0.isSibling }.max { $0.position < $1.position }
    }

    /// The wiped device comes back under another name, and has forgotten everything.
    mutating func wipe(as name: Identifier) {
        self = SimulatedDevice(id: id, replica: name)
    }

    mutating func edit(_ name: RecordName, resolving: Bool, hash: Int, time: Int64) -> Change {
        counter += 1
        let known = head(name)?.change.clock ?? VectorClock()
        let own = VectorClock([.init(replica: replica, counter: counter)])
        let siblings = resolving ? (copy[name]?.values.filter(\.isSibling).map(\.change.clock) ?? []) : []
        let body = name.kind == "doc" ? document(head(name), hash) : "\(hash)"
        return Change(
            kind: name.kind, id: name.id, clock: known.merged(with: own), hash: Identifier(unchecked: "h\(body)"),
            body: Array(body.utf8)[...], isDeleted: hash % 11 == 0, updatedAt: time, supersedes: siblings)
    }
}

extension SimulatedDevice {
    /// The head's fields with one of them set to `number`.
    private func document(_ head: LogEntry?, _ number: Int) -> String {
        let text = head.map { String(decoding: $0.change.body, as: UTF8.self) } ?? "{}"
        var fields = text.dropFirst().dropLast().split(separator: ",").map(String.init)
        let name = "\"f\(number % 4)\":"
        fields.removeAll { $0.hasPrefix(name) }
        return "{" + (fields + ["\(name)\(number)"]).joined(separator: ",") + "}"
    }
}

/// SplitMix64 (Steele et al. 2014): the same seed, the same schedule.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
