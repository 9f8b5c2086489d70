internal import Causality
internal import Hub
internal import Storage
internal import Wire

extension WatermelonDBDialect {
    /// Tells an app that there is something to pull: `{"type": "changed", "timestamp": N, "tables": [NAME, ..]}` for
    /// each commit of others. The first message is `{"type": "ready"}`: what came before it is for the app to pull.
    static func open(_ request: DialectRequest, _ desk: DialectDesk) throws -> DialectSocket {
        // A browser's WebSocket has no header fields to send.
        let account = try desk.account(key: try request.key ?? request.query("api_key"))
        let device: Identifier?
        do {
            let text = try request.query("device_id")
            device =
                try text.map { text throws(IdentifierError) in try Identifier(text) }
                ?? SyncCaller.deviceID(request)
        } catch let problem as SyncProblem {
            throw DialectError.badRequest(problem.message)
        } catch is IdentifierError {
            throw DialectError.badRequest("device_id is no name of a device")
        }
        return DialectSocket(
            account: account, spaces: [account.user.space], namespaces: [namespace],
            greeting: Array("{\"type\":\"ready\"}".utf8)
        ) { messages(of: $0, to: device) }
    }

    /// The device's own changes are no news to it; of a commit that is not known in detail it may have any.
    static func messages(of notices: [DialectNotice], to device: Identifier?) -> [[UInt8]] {
        let news = notices.filter { !$0.isSibling && $0.author != device }
        guard !news.isEmpty || notices.isEmpty else { return [] }
        var out = Array("{\"type\":\"changed\"".utf8)
        if let last = news.map(\.position).max() {
            out.put(",\"timestamp\":")
            out.putInteger(last.microseconds)
            out.put(",\"tables\":[")
            for (index, table) in Set(news.map(\.kind)).sorted().enumerated() {
                if index > 0 { out.put(",") }
                out.putString(table.text)
            }
            out.put("]")
        }
        out.put("}")
        return [out]
    }
}
