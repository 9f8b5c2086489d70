internal import Causality
internal import Hub
internal import Storage

/// The logs of several spaces as one, in order of position.
struct PullStream {
    let desk: DialectDesk
    let reach: Reach
    let device: Identifier
    let namespaces: Set<Identifier>
    let vantage: Vantage

    struct Item {
        var entry: LogEntry
        /// Told as deleted, and nothing else of it.
        var isHidden: Bool
    }

    struct Page {
        var entries: [Item] = []
        var places: [Identifier: Position]
        var hasMore = false
        /// The last position that was delivered.
        var last = Position.start
        /// The newest position of all spaces, as far as they were read.
        var newest = Position.start
        /// Whether there is anything to note.
        var moved = false
    }

    /// Pages of the store that one answer goes through where nearly all of it is for others: then it says that there is
    /// more.
    private static let roundsMax = 20
    /// Least bytes that a space's part of a page has, however many spaces are read at once.
    private static let partBytesMin = 64 << 10

    func page(limit: Int, bytesMax: Int) throws(DialectError) -> Page {
        var page = Page(places: vantage.places)
        let heads = try reach.heads(desk)
        for (space, head) in heads where head > page.places[space] ?? .start { page.newest = max(page.newest, head) }
        for place in page.places.values { page.newest = max(page.newest, place) }
        for _ in 0..<PullStream.roundsMax {
            let behind = heads.filter { $1 > page.places[$0] ?? .start }
            page.hasMore = !behind.isEmpty
            guard page.hasMore, page.entries.count < limit else { return page }
            try read(behind, limit: limit, bytesMax: bytesMax, into: &page)
            if !page.entries.isEmpty {
                page.hasMore = heads.contains { $1 > page.places[$0] ?? .start }
                return page
            }
        }
        return page
    }

    /// Adds what all spaces have up to one cut, and notes how far each was read.
    private func read(
        _ behind: [Identifier: Position], limit: Int, bytesMax: Int, into page: inout Page
    ) throws(DialectError) {
        var found: [Item] = []
        var readTo: [Identifier: Position] = [:]
        var cut = Position.max
        let partBytes = max(bytesMax / behind.count, PullStream.partBytesMin)
        for (space, head) in behind {
            var query = PageQuery(
                space: space, after: page.places[space] ?? .start, upTo: head, limit: limit, bytesMax: partBytes,
                kinds: Entity.kinds)
            // What the device knows of itself is passed over by the store, up to where that holds.
            let isKnown = query.after < vantage.knowsItselfUpTo
            if isKnown {
                query.excludedAuthor = desk.author(device, of: reach.user.id, in: space)
                query.upTo = min(head, vantage.knowsItselfUpTo)
            }
            var part = try desk.reading { () throws(StoreError) in try desk.store.page(query) }
            if isKnown, !part.hasMore, query.upTo < head {
                query.after = query.upTo
                query.upTo = head
                query.excludedAuthor = nil
                query.limit = max(1, limit - part.entries.count)
                let rest = try desk.reading { () throws(StoreError) in try desk.store.page(query) }
                part.entries += rest.entries
                part.upTo = rest.upTo
                part.hasMore = rest.hasMore
            }
            readTo[space] = part.upTo
            if part.hasMore { cut = min(cut, part.upTo) }
            for entry in part.entries {
                if let item = item(entry, in: space) { found.append(item) }
            }
        }
        found.sort { $0.entry.position < $1.entry.position }
        cut = shortened(cut, found, limit, bytesMax)
        for item in found where item.entry.position <= cut { page.entries.append(item) }
        for (space, place) in readTo {
            let reached = max(min(place, cut), page.places[space] ?? .start)
            if reached > page.places[space] ?? .start {
                page.places[space] = reached
                page.moved = true
            }
        }
        page.last = page.entries.last?.entry.position ?? (cut == .max ? page.newest : cut)
    }

    /// The cut at which a page is full. Positions of two spaces may be one: they are on the same side of it.
    private func shortened(_ cut: Position, _ found: [Item], _ limit: Int, _ bytesMax: Int) -> Position {
        var bytes = 0
        for (index, item) in found.enumerated() {
            guard item.entry.position <= cut else { break }
            bytes += item.entry.encodedBytesEstimate
            guard index + 1 >= limit || bytes > bytesMax else { continue }
            return min(cut, item.entry.position)
        }
        return cut
    }

    private func item(_ entry: LogEntry, in space: Identifier) -> Item? {
        let change = entry.change
        guard !entry.isSibling, !Entity.foreignNamespaces.contains(change.namespace) else { return nil }
        // An edge is in no namespace.
        if !namespaces.isEmpty, change.kind != Entity.edge.kind, !namespaces.contains(change.namespace) { return nil }
        switch reach.sight(of: entry, in: space) {
        case .whole: return Item(entry: entry, isHidden: false)
        case .gone: return Item(entry: entry, isHidden: true)
        case .hidden: return nil
        }
    }
}
