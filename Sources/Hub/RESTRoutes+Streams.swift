internal import Causality
internal import HTTP
internal import HTTPTypes
internal import Storage
internal import Wire

/// What the requests for answers that go on ask for: `GET /v1/changes`, `GET /v1/export`.
extension RESTRoutes {
    func changes(_ request: RESTRequest) throws -> StreamOpening {
        let holder = try holder(request)
        let isEvents = request.head.accepts(EventStreamWriter.mediaType)
        let limit = try limit(request)
        let waitSeconds = try waitSeconds(request)
        // A stream that comes back has its old URL and the newer place beside it.
        let lastID = isEvents ? HTTPField.Name("Last-Event-ID").flatMap { request.head.field($0) } : nil
        let cursor = try cursor(lastID.flatMap { $0.isEmpty ? nil : $0 } ?? parameter("cursor", request))
        return try open(
            isEvents ? .events : .poll(limit: limit, waitSeconds: waitSeconds), request, holder, cursor: cursor,
            device: deviceName(request))
    }

    func export(_ request: RESTRequest) throws -> StreamOpening {
        let holder = try holder(request)
        let includesDeleted = try boolean("deleted", request)
        return try open(.export(includesDeleted: includesDeleted), request, holder, cursor: nil, device: nil)
    }

    private func open(
        _ kind: StreamOpening.Kind, _ request: RESTRequest, _ holder: Authenticator.Holder, cursor: Cursor?,
        device name: Identifier?
    ) throws -> StreamOpening {
        if core.isDraining { throw Problem(code: .shuttingDown) }
        let access = try access(request, of: holder)
        let generation = core.store.generation
        let removalCount = core.removalCount
        let kinds = try identifiers("kinds", request)
        let namespaces = try identifiers("namespaces", request)
        let start: Position
        var device: Device?
        var ownUpTo = Position.start
        // A head alone reads nothing for a device, so it begins no new life of one.
        if let name, request.head.request.method != .head {
            let hello = Hello(
                device: name, cursor: cursor, client: request.head.field(.userAgent), space: access.name)
            let member = try Authenticator(store: core.store).admit(hello, of: holder)
            (start, device, ownUpTo) = (member.start, member.device, member.ownUpTo)
        } else {
            let space = access.space
            start = try Authenticator.start(
                cursor, space: space, head: try core.store.head(of: space), generation)
        }
        return StreamOpening(
            kind: kind, user: holder.user, access: access, keyPrefix: holder.keyPrefix, start: start, kinds: kinds,
            namespaces: namespaces, device: device, ownUpTo: ownUpTo, removalCount: removalCount,
            generation: generation)
    }

    private func waitSeconds(_ request: RESTRequest) throws -> Int {
        guard let text = try parameter("wait", request) else { return core.limits.pollSecondsDefault }
        guard let seconds = Int(text), (0...core.limits.pollSecondsMax).contains(seconds) else {
            throw Problem(
                code: .badField,
                detail: "wait must be a whole number of seconds from 0 to \(core.limits.pollSecondsMax)")
        }
        return seconds
    }
}

extension RequestHead {
    /// Whether `Accept` names the media type by its own name (RFC 9110 12.5.1). `*/*` does not: it takes anything, and
    /// gets what is simplest.
    fileprivate func accepts(_ mediaType: String) -> Bool {
        list(.accept).contains { range in
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first, Token.equal(name, mediaType) else { return false }
            // A weight of 0 refuses it.
            return !parts.dropFirst().contains { weight in
                (weight.hasPrefix("q=") || weight.hasPrefix("Q=")) && Double(weight.dropFirst(2)) == 0
            }
        }
    }
}
