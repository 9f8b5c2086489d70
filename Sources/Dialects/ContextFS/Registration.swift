internal import Causality
internal import Hub
internal import Storage
internal import Wire

/// `POST /api/sync/register` and `POST /api/sync/status`.
enum Registration {
    static func register(_ fields: RequestFields, _ caller: Caller) throws -> DialectAnswer {
        let name = try fields.needText("device_name")
        let platform = try fields.needText("platform")
        let version = try fields.needText("client_version")
        let device = try caller.desk.device(
            caller.device, of: caller.user, name: name, platform: platform, clientVersion: version)
        let last = try caller.delivered()?.highest(scope: Delivered.everything)?.number
        var out: [UInt8] = []
        out.put("{\"device_id\":")
        out.putString(device.id.text)
        out.put(",\"device_name\":")
        out.putString(name)
        out.put(",\"platform\":")
        out.putString(platform)
        out.put(",\"client_version\":")
        out.putString(version)
        out.put(",\"registered_at\":\"")
        ISODate.write(device.registeredAt.microseconds, into: &out)
        out.put("\",\"last_sync_at\":")
        out.putDate(last)
        out.put(",\"sync_cursor\":")
        out.putDate(last)
        out.put("}")
        return DialectAnswer(json: out)
    }

    static func status(_ caller: Caller) throws -> DialectAnswer {
        let accounts = caller.desk.store.accounts
        let device = try caller.desk.reading { () throws(StoreError) in
            try accounts.device(caller.device, of: caller.user.id)
        }
        guard device != nil else { return Detail.answer(404, "Device not found") }
        let reach = try Reach(caller.user, caller.desk)
        let heads = try reach.heads(caller.desk)
        let last = try caller.delivered()?.highest(scope: Delivered.everything)
        var out: [UInt8] = []
        out.put("{\"device_id\":")
        out.putString(caller.device.text)
        out.put(",\"last_sync_at\":")
        out.putDate(last?.number)
        out.put(",\"pending_push_count\":0,\"pending_pull_count\":")
        out.putInteger(try pending(heads, behind: last?.places ?? [:], reach, caller))
        out.put(",\"server_timestamp\":\"")
        ISODate.write(heads.values.max()?.microseconds ?? caller.desk.now.microseconds, into: &out)
        out.put("\"}")
        return DialectAnswer(json: out)
    }

    /// Records that a pull would bring, without reading them.
    private static func pending(
        _ heads: [Identifier: Position], behind places: [Identifier: Position], _ reach: Reach, _ caller: Caller
    ) throws(DialectError) -> Int {
        var count = 0
        for (space, head) in heads where head > places[space] ?? .start {
            var query = ManifestQuery(space: space, kinds: Entity.kinds)
            while true {
                let page = try caller.desk.reading { () throws(StoreError) in try caller.desk.store.manifest(query) }
                let newer = page.entries.filter { $0.position > places[space] ?? .start }
                let records = try RecordSearch(reach: reach, desk: caller.desk).records(newer.map(\.name), in: space)
                count += records.reduce(0) { sum, record in
                    guard let head = record?.head, !Entity.foreignNamespaces.contains(head.change.namespace),
                        head.author != caller.desk.author(caller.device, of: caller.user.id, in: space)
                    else { return sum }
                    if case .hidden = reach.sight(of: head, in: space) { return sum }
                    return sum + 1
                }
                guard let next = page.next else { break }
                query.after = next
            }
        }
        return count
    }
}

extension [UInt8] {
    /// A date in quotes, or null.
    mutating func putDate(_ microseconds: Int64?) {
        guard let microseconds else { return put("null") }
        put("\"")
        ISODate.write(microseconds, into: &self)
        put("\"")
    }
}
