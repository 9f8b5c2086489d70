internal import Causality
internal import Hub
internal import Storage
internal import Wire

/// Writes what a comparison found: the client reads one answer whole, so it may be long.
struct DiffAnswer {
    private let diff: Diff
    private let comparison: Comparison

    /// Records that are looked up at once; single reads up to which they are cheaper than a stretch of the log; and
    /// bytes of one such stretch.
    private static let batchMax = 2_000
    private static let singlesMax = 64
    private static let stretchBytes = 4 << 20

    init(diff: Diff, comparison: Comparison) {
        self.diff = diff
        self.comparison = comparison
    }

    func write(_ number: Int64) throws -> DialectBody {
        let writer = diff.caller.desk.bodyWriter()
        try writer.append(Array("{\"success\":true".utf8))
        var counts = (new: 0, updated: 0)
        for entity in Entity.allCases {
            var head: [UInt8] = []
            head.put(entity == .memory ? ",\"missing_memories\":[" : "")
            head.put(entity == .session ? ",\"missing_sessions\":[" : "")
            head.put(entity == .edge ? ",\"missing_edges\":[" : "")
            try writer.append(head)
            var isFirst = true
            for (space, wanted) in comparison.wanted {
                let chosen = try relevant(wanted.filter { $0.name.kind == entity.kind }, in: space)
                try writeContents(of: chosen, entity, in: space, to: writer, &isFirst, &counts)
            }
            try writer.append(Array("]".utf8))
        }
        try writer.append(lists(counts, number))
        return try writer.finish()
    }

    private func lists(_ counts: (new: Int, updated: Int), _ number: Int64) -> [UInt8] {
        var out: [UInt8] = []
        for entity in Entity.allCases {
            list(",\"deleted_", entity, comparison.deleted[Int(entity.rawValue)], &out)
            list(",\"server_missing_", entity, comparison.serverMissing[Int(entity.rawValue)], &out)
        }
        out.put(",\"total_missing\":")
        out.putInteger(counts.new)
        out.put(",\"total_updated\":")
        out.putInteger(counts.updated)
        out.put(",\"total_deleted\":")
        out.putInteger(comparison.deleted.reduce(0) { $0 + $1.count })
        out.put(",\"total_server_missing\":")
        out.putInteger(comparison.serverMissing.reduce(0) { $0 + $1.count })
        out.put(",\"server_timestamp\":\"")
        ISODate.write(number, into: &out)
        out.put("\",\"has_more\":false,\"next_offset\":0}")
        return out
    }

    private func list(_ start: StaticString, _ entity: Entity, _ ids: [Identifier], _ out: inout [UInt8]) {
        out.put(start)
        out.append(contentsOf: entity.kind.text.utf8)
        out.put("_ids\":[")
        for (index, id) in ids.enumerated() {
            if index > 0 { out.put(",") }
            out.putString(id.text)
        }
        out.put("]")
    }

    /// Those of the namespaces that were asked for, and of no other client.
    private func relevant(_ wanted: [Comparison.Wanted], in space: Identifier) throws -> [Comparison.Wanted] {
        var chosen: [Comparison.Wanted] = []
        for start in stride(from: 0, to: wanted.count, by: DiffAnswer.batchMax) {
            let batch = wanted[start..<min(start + DiffAnswer.batchMax, wanted.count)]
            let records = try diff.search.records(batch.map(\.name), in: space)
            for (item, record) in zip(batch, records) {
                guard let head = record?.head, isAskedFor(head, item) else { continue }
                chosen.append(item)
            }
        }
        return chosen
    }

    private func isAskedFor(_ head: LogEntry, _ item: Comparison.Wanted) -> Bool {
        let namespace = head.change.namespace
        if Entity.foreignNamespaces.contains(namespace) { return false }
        // What the device has it has told, whatever it asked for.
        guard item.isNew, head.change.kind != Entity.edge.kind, !diff.namespaces.isEmpty else { return true }
        return diff.namespaces.contains(namespace)
    }

    private func writeContents(
        of wanted: [Comparison.Wanted], _ entity: Entity, in space: Identifier, to writer: DialectBodyWriter,
        _ isFirst: inout Bool, _ counts: inout (new: Int, updated: Int)
    ) throws {
        guard !wanted.isEmpty else { return }
        let entityWriter = EntityWriter(entity)
        var news: [Position: Bool] = [:]
        for item in wanted { news[item.position] = item.isNew }
        var out: [UInt8] = []
        func put(_ entry: LogEntry) throws {
            // Deleted or hidden since it was compared: the next pull tells it.
            guard let isNew = news[entry.position], !entry.isSibling, !entry.change.isDeleted,
                case .whole = diff.reach.sight(of: entry, in: space)
            else { return }
            if !isFirst { out.put(",") }
            isFirst = false
            if isNew { counts.new += 1 } else { counts.updated += 1 }
            entityWriter.write(entry, isHidden: false, into: &out)
        }
        func flush() throws {
            try writer.append(out)
            out.removeAll(keepingCapacity: true)
        }
        if wanted.count <= DiffAnswer.singlesMax {
            for item in wanted {
                let key = RecordKey(space: space, kind: item.name.kind, id: item.name.id)
                let record = try diff.caller.desk.reading { () throws(StoreError) in
                    try diff.caller.desk.store.record(key)
                }
                if let head = record?.head { try put(head) }
                try flush()
            }
            return
        }
        let positions = wanted.map(\.position)
        guard let first = positions.min(), let last = positions.max() else { return }
        var query = PageQuery(
            space: space, after: Position(first.microseconds - 1), upTo: last, limit: diff.caller.limits.pageItemsMax,
            bytesMax: DiffAnswer.stretchBytes, kinds: [entity.kind])
        while true {
            let page = try diff.caller.desk.reading { () throws(StoreError) in
                try diff.caller.desk.store.page(query)
            }
            for entry in page.entries { try put(entry) }
            try flush()
            guard page.hasMore else { return }
            query.after = page.upTo
        }
    }
}
