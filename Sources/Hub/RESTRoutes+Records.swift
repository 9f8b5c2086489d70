internal import Causality
internal import HTTP
internal import Logging
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
        let access = try access(request, of: holder)
        let device = try device(request, of: holder)
        try spend(push.items.count, of: device, request)
        let written = PushDesk.Written(push, answerKey: RESTRoutes.answerKey(push, request))
        PushDesk(core: core, asker: request.asker).take(
            written, messageBytes: request.body.count, from: holder.user, device, to: access
        ) { answer in
            reply(RESTAnswer(answer))
        }
    }

    /// Who comes by requests cannot be held up by not reading: past the device's rate a push is refused, whole.
    private func spend(_ count: Int, of device: Device, _ request: RESTRequest) throws(Problem) {
        let name = "\(device.userID)/\(device.id)"
        let debt = core.deviceRates.spend(0, of: name)
        guard debt == 0 else {
            core.count(
                .requestRate, (request.asker?.logMetadata ?? [:]).merging(["device": "\(device.id.text)"]) { $1 })
            throw Problem(code: .rateLimited, retryAfterMs: debt)
        }
        _ = core.deviceRates.spend(max(1, count), of: name)
    }

    /// Pages by log position: stable while others write. An entry whose record changes meanwhile moves to a later page.
    func pull(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let access = try access(request, of: holder)
        let space = access.space
        let cursor = try cursor(parameter("cursor", request))
        var query = PageQuery(space: space, after: .start, bytesMax: core.limits.pullBytesMax)
        query.limit = try limit(request)
        query.kinds = try identifiers("kinds", request)
        query.namespaces = try identifiers("namespaces", request)
        let generation = core.store.generation
        let asked = query
        // A replica that lies before the cursor does not judge it: the store does.
        let (head, page) = try core.reading(space, from: cursor?.position ?? .start) {
            store throws(StoreError) -> (Position, LogPage?) in
            let head = try store.head(of: space)
            guard (try? Authenticator.start(cursor, space: space, head: head, generation)) != nil else {
                return (head, nil)
            }
            var query = asked
            query.after = cursor?.position ?? .start
            return (head, try store.page(query))
        }
        _ = try Authenticator.start(cursor, space: space, head: head, generation)
        guard let page, core.store.generation == generation else { throw ErrorFrameError(.resync) }
        var body: [UInt8] = []
        FrameEncoder.page(
            access.viewer.shown(page.entries),
            cursor: Cursor(generation: generation, space: space, position: page.upTo),
            hasMore: page.hasMore, into: &body)
        return RESTAnswer(json: body)
    }

    func record(_ request: RESTRequest) throws -> RESTAnswer {
        let access = try access(request)
        let (kind, id) = (request.parameters[0], request.parameters[1])
        let key = RecordKey(
            space: access.space, kind: try identifier(kind, "kind"), id: try identifier(id, "id"))
        let found = try core.reading(key.space) { store throws(StoreError) in try store.record(key) }
        guard var record = found.flatMap(access.viewer.shown) else {
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
