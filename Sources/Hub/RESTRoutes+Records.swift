internal import Causality
internal import HTTP
internal import Storage
internal import Wire

/// `POST /v1/push`, `GET /v1/pull`, `GET /v1/records/{kind}/{id}`.
extension RESTRoutes {
    func push(_ request: RESTRequest, reply: @escaping Reply) throws {
        let holder = try holder(request)
        let push: Push
        do {
            push = try PushBody.decode(request.body, limits: core.wireLimits)
        } catch {
            throw Problem(error)
        }
        let device = try device(request, of: holder)
        let written = PushDesk.Written(push, answerKey: RESTRoutes.answerKey(push, request))
        PushDesk(core: core).take(written, messageBytes: request.body.count, from: holder.user, device) { answer in
            reply(RESTAnswer(answer))
        }
    }

    /// Pages by log position: stable while others write. An entry whose record changes meanwhile moves to a later page.
    func pull(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let space = holder.user.space
        let cursor = try cursor(parameter("cursor", request))
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

    func record(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let (kind, id) = (request.parameters[0], request.parameters[1])
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
}
