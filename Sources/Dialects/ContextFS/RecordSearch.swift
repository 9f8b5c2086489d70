internal import Causality
internal import Hub
internal import Storage

/// Which record an id means: that of the user's own space; else one that a teammate or a team has, and shows.
struct RecordSearch {
    let reach: Reach
    let desk: DialectDesk

    enum Found {
        /// Nowhere that the user may look: a new one is the user's own.
        case absent
        /// Another kind of client's.
        case foreign
        case writable(Identifier, Record)
        case readOnly(Identifier, Record)
    }

    func find(_ names: [RecordName]) throws(DialectError) -> [Found] {
        let own = reach.user.space
        var found: [Found] = []
        found.reserveCapacity(names.count)
        for record in try records(names, in: own) {
            guard let record else {
                found.append(.absent)
                continue
            }
            let isForeign = Entity.foreignNamespaces.contains(record.head.change.namespace)
            found.append(isForeign ? .foreign : .writable(own, record))
        }
        for space in reach.others {
            let open = found.indices.filter { if case .absent = found[$0] { true } else { false } }
            guard !open.isEmpty else { break }
            for (index, record) in zip(open, try records(open.map { names[$0] }, in: space)) {
                guard let record, case .whole = reach.sight(of: record.head, in: space),
                    !Entity.foreignNamespaces.contains(record.head.change.namespace)
                else { continue }
                let mayWrite = reach.mayWrite(record.head, in: space)
                found[index] = mayWrite ? .writable(space, record) : .readOnly(space, record)
            }
        }
        return found
    }

    /// Records without their contents.
    func records(_ names: [RecordName], in space: Identifier) throws(DialectError) -> [Record?] {
        guard !names.isEmpty else { return [] }
        return try desk.reading { () throws(StoreError) in try desk.store.records(names, in: space) }
    }
}
