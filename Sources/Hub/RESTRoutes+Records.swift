internal import Causality
internal import Foundation
internal import HTTP
internal import HTTPTypes
internal import Storage
internal import Wire

/// Records over REST: `POST /v1/push`, `GET /v1/pull`, `GET /v1/records/{kind}/{id}`.
extension RESTRoutes {
    func push(_ request: RESTRequest, reply: @escaping Reply) throws {
        let holder = try holder(request)
        let push: Push
        do {
            push = try PushBody.decode(request.body, limits: core.wireLimits)
        } catch {
            throw Problem(error)
        }
        guard let name = HTTPField.Name("X-Carillon-Device"), let text = request.head.field(name) else {
            throw Problem(code: .missingField, detail: "the header X-Carillon-Device is missing: it names the device")
        }
        let device = try Authenticator(store: core.store).device(
            try identifier(text, "X-Carillon-Device"), of: holder.user, client: request.head.field(.userAgent))
        PushDesk(core: core).take(push, messageBytes: request.body.count, from: holder.user, device) { answer in
            switch answer {
            case .pushed(let pushed):
                var body: [UInt8] = []
                HubFrame.pushed(pushed).encode(into: &body)
                reply(RESTAnswer(json: body))
            case .failed(let error): reply(RESTAnswer(Problem(error)))
            }
        }
    }

    /// Pages by log position: stable while others write. An entry whose record changes meanwhile moves to a later page.
    func pull(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let space = holder.user.space
        let cursor = try cursor(request.head.queryValue("cursor"))
        let head = try core.store.head(of: space)
        let start = try Authenticator.start(cursor, space: space, head: head, core.store.generation)
        var query = PageQuery(space: space, after: start, bytesMax: core.limits.pullBytesMax)
        query.limit = try limit(request)
        query.kinds = try identifiers("kinds", request)
        query.namespaces = try identifiers("namespaces", request)
        let page = try core.store.page(query)
        var body: [UInt8] = []
        FrameEncoder.page(
            page.entries, cursor: Cursor(generation: core.store.generation, space: space, position: page.upTo),
            hasMore: page.hasMore, into: &body)
        return RESTAnswer(json: body)
    }

    func record(_ request: RESTRequest, kind: String, id: String) throws -> RESTAnswer {
        let holder = try holder(request)
        guard let kind = kind.removingPercentEncoding, let id = id.removingPercentEncoding else {
            throw Problem(code: .badID, detail: "the path is not percent-encoded UTF-8")
        }
        let key = RecordKey(
            space: holder.user.space, kind: try identifier(kind, "kind"), id: try identifier(id, "id"))
        guard var record = try core.store.record(key) else {
            throw Problem(code: .notFound, detail: "there is no record \(kind)/\(id)")
        }
        // As many siblings as the answer has room for, oldest first; the others stand in the log.
        var room = core.limits.pullBytesMax - record.head.change.encodedBytesEstimate
        record.siblings = Array(
            record.siblings.prefix { sibling in
                room -= sibling.change.encodedBytesEstimate
                return room >= 0
            })
        var body: [UInt8] = []
        FrameEncoder.record(record, into: &body)
        return RESTAnswer(json: body)
    }

    /// The cursor that `text` spells; nil, the log's beginning, where it is absent or empty.
    func cursor(_ text: String?) throws -> Cursor? {
        guard let text, !text.isEmpty else { return nil }
        do {
            return try Cursor(parsing: text)
        } catch {
            throw Problem(code: .badCursor, detail: error.sentence)
        }
    }

    func limit(_ request: RESTRequest) throws -> Int {
        guard let text = request.head.queryValue("limit") else { return core.limits.pullEntriesDefault }
        guard let limit = Int(text), (1...core.limits.pullEntriesMax).contains(limit) else {
            throw Problem(
                code: .badField, detail: "limit must be a whole number from 1 to \(core.limits.pullEntriesMax)")
        }
        return limit
    }

    func identifiers(_ name: String, _ request: RESTRequest) throws -> [Identifier] {
        let texts = (request.head.queryValue(name) ?? "").split(separator: ",").map(String.init)
        guard texts.count <= core.wireLimits.filtersMax else {
            throw Problem(code: .badField, detail: "\(name) may name \(core.wireLimits.filtersMax) at most")
        }
        return try texts.map { try identifier($0, name) }
    }

    func identifier(_ text: String, _ field: String) throws -> Identifier {
        do throws(IdentifierError) {
            return try Identifier(text)
        } catch {
            throw Problem(code: .badID, detail: "\(field) is no name: \(error.sentence)")
        }
    }
}
