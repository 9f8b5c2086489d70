internal import Causality
internal import Hub
internal import Storage
internal import Wire

/// `POST /api/sync/pull`: a page of what is new in all spaces of the user's reach, as one stream in order of position.
struct Pull {
    let caller: Caller
    let since: Int64?
    let offset: Int64
    let limit: Int
    let namespaces: Set<Identifier>

    init(_ fields: RequestFields, _ caller: Caller) throws {
        self.caller = caller
        since = try fields.date("since_timestamp")
        namespaces = try fields.namespaces()
        limit = Int(try fields.integer("limit", in: 1...Int64(caller.limits.pageItemsMax), default: 1_000))
        offset = try fields.integer("offset", in: 0...Position.max.microseconds, default: 0)
    }

    /// The answer, and what is to be noted once it is given.
    func answer() throws -> (DialectAnswer, (() throws -> Void)?) {
        let (_, kept, reach) = try caller.arrive()
        let scope = Caller.scope(of: namespaces)
        let vantage = Vantage(since: since, offset: offset, kept, scope: scope, reach)
        let stream = PullStream(
            desk: caller.desk, reach: reach, device: caller.device, namespaces: namespaces, vantage: vantage)
        let page = try stream.page(limit: limit, bytesMax: caller.limits.pageBytesMax)
        var number = page.hasMore ? page.last.microseconds : max(page.newest.microseconds, since ?? 0)
        var note: (() throws -> Void)?
        if page.moved {
            var delivered = kept ?? Delivered()
            number = delivered.add(page.places, number: number, scope: scope)
            let noted = delivered
            // What was delivered is noted before anybody hears of it, so that coming again finds it.
            if page.entries.isEmpty { note = { try caller.keep(noted) } } else { try caller.keep(noted) }
        }
        return (DialectAnswer(json: body(page, number)), note)
    }

    private func body(_ page: PullStream.Page, _ number: Int64) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(page.entries.reduce(512) { $0 + $1.entry.encodedBytesEstimate + 256 })
        out.put("{\"success\":true")
        for entity in Entity.allCases {
            out.put(",\"")
            out.put(entity.list)
            out.put("\":[")
            let writer = EntityWriter(entity)
            var isFirst = true
            for item in page.entries where item.entry.change.kind == entity.kind {
                if !isFirst { out.put(",") }
                isFirst = false
                writer.write(item.entry, isHidden: item.isHidden, into: &out)
            }
            out.put("]")
        }
        out.put(",\"server_timestamp\":\"")
        ISODate.write(number, into: &out)
        out.put("\",\"has_more\":")
        out.putBoolean(page.hasMore)
        out.put(",\"next_cursor\":null,\"next_offset\":")
        out.putInteger(page.hasMore ? number : 0)
        out.put("}")
        return out
    }
}
