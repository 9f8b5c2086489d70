internal import Causality
internal import HTTP
internal import Storage
internal import Wire

/// Records by name: `GET /v1/records`, `GET /v1/conflicts`, `POST /v1/diff`.
extension RESTRoutes {
    func records(_ request: RESTRequest) throws -> RESTAnswer {
        let access = try access(request)
        var query = RecordQuery(space: access.space)
        query.kind = try identifier("kind", in: request)
        query.namespace = try identifier("namespace", in: request)
        query.idPrefix = try idPrefix(request)
        query.after = try after(request)
        query.limit = try limit(request)
        query.bytesMax = core.limits.pullBytesMax
        query.includesDeleted = try boolean("deleted", request)
        var body: [UInt8] = []
        FrameEncoder.records(try listed(query, for: access.viewer), into: &body)
        return RESTAnswer(json: body)
    }

    func conflicts(_ request: RESTRequest) throws -> RESTAnswer {
        let access = try access(request)
        var query = RecordQuery(space: access.space, onlyConflicted: true)
        query.kind = try identifier("kind", in: request)
        query.after = try after(request)
        query.limit = try limit(request, max: core.limits.conflictsMax, unlessTold: core.limits.conflictsDefault)
        query.bytesMax = core.limits.pullBytesMax
        var body: [UInt8] = []
        FrameEncoder.conflicts(try listed(query, for: access.viewer), into: &body)
        return RESTAnswer(json: body)
    }

    private func listed(_ query: RecordQuery, for viewer: Viewer) throws -> RecordPage {
        try core.reading(query.space) { store throws(StoreError) in
            guard !viewer.seesAll else { return try store.records(query) }
            return try ShownListing(store: store, viewer: viewer).records(query)
        }
    }

    func diff(_ request: RESTRequest) throws -> RESTAnswer {
        let access = try access(request)
        let asked: DiffRequest
        do throws(FrameError) {
            asked = try DiffRequest.decode(request.body, limits: core.wireLimits)
        } catch {
            throw Problem(error)
        }
        let query = asked.query(space: access.space)
        let page =
            access.viewer.seesAll
            ? try core.store.manifest(query)
            : try ShownListing(store: core.store, viewer: access.viewer).manifest(query, besides: asked.records)
        var body: [UInt8] = []
        FrameEncoder.diff(RecordDiff(asked, with: page), into: &body)
        return RESTAnswer(json: body)
    }

    /// No name by itself: it may be empty, or end inside of one.
    private func idPrefix(_ request: RESTRequest) throws -> String {
        let text = try parameter("prefix", request) ?? ""
        guard text.unicodeScalars.count <= Identifier.bytesMax else {
            throw Problem(code: .badField, detail: "prefix may have \(Identifier.bytesMax) characters")
        }
        return text
    }
}
