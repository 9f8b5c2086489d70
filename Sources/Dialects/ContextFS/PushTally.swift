internal import Causality
internal import Storage
internal import Wire

/// What became of a push so far.
struct PushTally {
    let limits: ContextFSLimits
    private var accepted = [0, 0, 0]
    private var rejected = [0, 0, 0]
    private var refusals: [(entity: Entity, refusal: Refusal)] = []
    private var conflictCount = 0
    private var conflicts: [UInt8] = []
    private(set) var highest: Position?

    init(_ limits: ContextFSLimits) {
        self.limits = limits
    }

    /// Bytes of conflicts that one answer shows; beyond it they are counted, and the device pulls.
    private static let conflictBytesMax = 32 << 20

    var isClean: Bool { conflictCount == 0 && rejected.allSatisfy { $0 == 0 } }

    mutating func accept(_ entity: Entity, _ position: Position?) {
        accepted[Int(entity.rawValue)] += 1
        if let position { highest = max(highest ?? position, position) }
    }

    mutating func refuse(_ entity: Entity, _ refusal: Refusal) {
        rejected[Int(entity.rawValue)] += 1
        if refusals.count < limits.namedRefusalsMax { refusals.append((entity, refusal)) }
    }

    mutating func conflict(_ entity: Entity, _ change: Change, stored: LogEntry?) {
        conflictCount += 1
        guard conflictCount <= limits.conflictsMax, conflicts.count < PushTally.conflictBytesMax else { return }
        if !conflicts.isEmpty { conflicts.put(",") }
        conflicts.put("{\"entity_id\":")
        conflicts.putString(change.id.text)
        conflicts.put(",\"entity_type\":\"")
        conflicts.append(contentsOf: entity.kind.text.utf8)
        conflicts.put("\",\"client_clock\":")
        FrameEncoder.encodeClock(change.clock, into: &conflicts)
        conflicts.put(",\"server_clock\":")
        FrameEncoder.encodeClock(stored?.change.clock ?? VectorClock(), into: &conflicts)
        putContent("client_content", change)
        putContent("server_content", stored?.change)
        putDate("client_updated_at", change.updatedAt)
        putDate("server_updated_at", stored?.change.updatedAt ?? change.updatedAt)
        conflicts.put("}")
    }

    private mutating func putContent(_ name: StaticString, _ change: Change?) {
        conflicts.put(",\"")
        conflicts.put(name)
        conflicts.put("\":")
        guard let change, !change.isDeleted, let content = BodyText.find("content", in: change.body) else {
            return conflicts.put("null")
        }
        conflicts.putString(content)
    }

    private mutating func putDate(_ name: StaticString, _ time: Int64) {
        conflicts.put(",\"")
        conflicts.put(name)
        conflicts.put("\":\"")
        ISODate.write(time, into: &conflicts)
        conflicts.put("\"")
    }

    /// - Parameter number: `server_timestamp`.
    func answer(_ number: Int64) -> [UInt8] {
        let acceptedCount = accepted.reduce(0, +)
        let rejectedCount = rejected.reduce(0, +)
        var out: [UInt8] = []
        out.reserveCapacity(conflicts.count + 1_024)
        let status: StaticString =
            if conflictCount > 0 { "conflict" } else if rejectedCount == 0 { "success" } else if acceptedCount > 0 {
                "partial"
            } else { "failed" }
        out.put("{\"success\":")
        out.putBoolean(conflictCount == 0 && (rejectedCount == 0 || acceptedCount > 0))
        out.put(",\"status\":\"")
        out.put(status)
        out.put("\"")
        func count(_ name: StaticString, _ value: Int) {
            out.put(",\"")
            out.put(name)
            out.put("\":")
            out.putInteger(value)
        }
        count("accepted", acceptedCount)
        count("rejected", rejectedCount)
        count("accepted_memories", accepted[0])
        count("rejected_memories", rejected[0])
        count("accepted_sessions", accepted[1])
        count("rejected_sessions", rejected[1])
        out.put(",\"conflicts\":[")
        out += conflicts
        out.put("],\"server_timestamp\":\"")
        ISODate.write(number, into: &out)
        out.put("\",\"message\":")
        if let message { out.putString(message) } else { out.put("null") }
        out.put(",\"pushed_items\":[],\"rejected_items\":[")
        for (index, item) in refusals.enumerated() {
            out.put(index == 0 ? "{\"entity_id\":" : ",{\"entity_id\":")
            if let id = item.refusal.id { out.putString(id) } else { out.put("null") }
            out.put(",\"entity_type\":\"")
            out.append(contentsOf: item.entity.kind.text.utf8)
            out.put("\",\"reason\":")
            out.putString(item.refusal.reason)
            out.put("}")
        }
        out.put("]}")
        return out
    }

    /// What a person is told: the client shows this text and no list of what was refused.
    private var message: String? {
        var parts: [String] = []
        if conflictCount > 0 { parts.append("\(conflictCount) in conflict: both versions are kept") }
        if let first = refusals.first {
            let count = rejected.reduce(0, +)
            let id = first.refusal.id.map { "\(first.entity.kind) \($0)" } ?? "a \(first.entity.kind) without an id"
            parts.append("\(count) refused: \(id): \(first.refusal.reason)" + (count > 1 ? "; see rejected_items" : ""))
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
