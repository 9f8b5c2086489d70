internal import Cryptography
internal import HTTP
internal import HTTPTypes
internal import Reactor
internal import WebSocket
internal import Wire

/// HTTP on a connection: one request at a time is with a route; what came behind it waits.
extension HubShard {
    static let socketPath = "/v1/socket"
    static let changesPath = "/v1/changes"
    static let echoPath = "/echo"

    func readRequests(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        guard let http = connection.http else { return }
        http.parser.receive(bytes)
        do {
            while connection.phase == .http, !http.isAnswering, let event = try http.parser.next() {
                try take(event, connection, http)
            }
        } catch {
            refuseRequest(connection, error)
            return
        }
        if http.parser.isIdle || http.isAnswering {
            http.requestBegunAt = nil
        } else if http.requestBegunAt == nil {
            http.requestBegunAt = loop.now
        }
        switch connection.phase {
        case .http where http.isAnswering:
            http.heldInput = http.parser.takeRemainder()
            loop.pauseReading(connection.id)
        case .session, .echo, .watch:
            // The client may have sent frames right behind its upgrade request.
            var remainder = http.parser.takeRemainder()
            if !remainder.isEmpty { remainder.withUnsafeMutableBytes { readFrames(connection, $0) } }
        case .http, .stream, .ending: break
        }
    }

    private func take(_ event: HTTPEvent, _ connection: Connection, _ http: HTTPExchange) throws(HTTPError) {
        switch event {
        case .head(let head):
            figures.requests &+= 1
            try begin(head, connection, http)
        case .expectContinue: reply(connection) { ResponseWriter.appendContinue(into: &$0) }
        case .body(let bytes): try takeCodedBody(bytes, connection, http)
        case .end:
            try endCodedBody(http)
            endBody(connection, http)
        }
    }

    func route(_ connection: Connection, _ head: RequestHead, _ body: DialectBody) {
        guard countRequest(connection) else { return }
        let isSocket = head.path == HubShard.socketPath
        if isSocket || (core.configuration.hasEcho && head.path == HubShard.echoPath) {
            upgrade(connection, head, isEcho: !isSocket)
            return
        }
        connection.http?.isAnswering = true
        let id = connection.id
        let core = core
        let shard = number
        let lookup = connection.http?.lookup ?? .none
        if let answer = core.origins.preflight(head, lookup) { return answerRequest(connection, answer) }
        switch lookup {
        case .none: break
        case .refused(let dialect, let error):
            return answerRequest(connection, RESTAnswer(dialect.answer(to: error)))
        case .found(let match) where match.route.isSocket:
            return askSocket(connection, match, head)
        case .found(let match):
            return askDialect(connection, match, head, body)
        }
        guard let bytes = try? body.whole(bytesMax: .max) else { return }
        let credentials = core.credentials(head.apiKey, connection.tlsPeer)
        let coding = AnswerCoding(head, core.configuration.compression)
        let asker = connection.peerName
        core.read(key: id.index) {
            let routes = RESTRoutes(core: core, open: { core.post(.opened(id, $0), to: shard) })
            routes.answer(RESTRequest(head: head, body: bytes, credentials: credentials, asker: asker)) {
                core.post(.answered(id, coding.apply($0)), to: shard)
            }
        }
    }

    private func askDialect(
        _ connection: Connection, _ match: DialectTable.Match, _ head: RequestHead, _ body: DialectBody
    ) {
        let (id, core, shard) = (connection.id, core, number)
        let isBulk = body.spool != nil
        let desk = DialectDesk(
            core: core, asker: connection.peerName, peer: connection.tlsPeer,
            address: core.gate.block(of: connection.client))
        guard core.dialectLoad.take(isBulk: isBulk) else {
            core.count(.overloaded, connection.logMetadata)
            return answerRequest(connection, RESTAnswer(match.dialect.answer(to: .overloaded(retryAfterMs: 1_000))))
        }
        let coding = AnswerCoding(head, core.configuration.compression)
        core.dialectWork(key: id.index, isBulk: isBulk) {
            match.answer(head, body, at: desk) {
                core.dialectLoad.giveBack(isBulk: isBulk)
                core.post(.answered(id, coding.apply(RESTAnswer($0))), to: shard)
            }
        }
    }

    private func upgrade(_ connection: Connection, _ head: RequestHead, isEcho: Bool) {
        do throws(HandshakeRefusal) {
            let answer = try Handshake.answer(
                to: head, subprotocols: isEcho ? [] : [CarillonProtocol.subprotocol],
                compresses: core.configuration.compression.isOffered)
            reply(connection) {
                ResponseWriter.appendHead(status: 101, fields: answer.fields, chunked: false, into: &$0)
            }
            openSocket(connection, headerKey: head.apiKey, setting: answer.deflate, isEcho: isEcho)
        } catch {
            core.count(.badRequest, connection.logMetadata)
            var problem = Problem(code: .badRequest, detail: error.sentence)
            problem.status = error.status
            var answer = RESTAnswer(problem)
            answer.fields += error.fields
            answerRequest(connection, answer)
        }
    }

    /// From here on it is a WebSocket.
    func openSocket(
        _ connection: Connection, headerKey: String?, setting: PerMessageDeflate?, isEcho: Bool = false
    ) {
        openMachine(
            connection, setting,
            messageBytesMax: isEcho ? core.wireLimits.frameBytesMax : core.limits.strangerMessageBytesMax)
        connection.greeting = Greeting(headerKey: headerKey)
        connection.phase = isEcho ? .echo : .session
    }

    func openMachine(_ connection: Connection, _ setting: PerMessageDeflate?, messageBytesMax: Int) {
        var limits = WebSocketLimits()
        limits.messageBytesMax = messageBytesMax
        limits.frameBytesMax = messageBytesMax
        connection.machine = WebSocketMachine(role: .server, limits: limits, deflate: setting, shared: deflate)
        connection.session = HubSession(limits: core.wireLimits)
        uncountRequest(connection.http)
        connection.http = nil
        connection.startedAt = loop.now
    }

    /// Sends the answer of the request at hand, and goes on with the one behind it.
    ///
    /// - Parameter isLast: the rest of the request is not read, so the connection ends.
    func answerRequest(_ connection: Connection, _ answer: RESTAnswer, isLast: Bool = false) {
        guard connection.phase == .http, let http = connection.http, let head = http.request else { return }
        var answer = slowed(answer, connection, http)
        if answer.status == 401 { core.count(.unauthorized, connection.logMetadata) }
        answer.fields += core.origins.fields(head, http.lookup)
        let keepsAlive = head.keepAlive && !core.isDraining && !isLast
        // A page has megabytes: it goes to the outbox from where it is.
        if let body = answer.spooled { return sendSpooled(connection, answer, body, keepsAlive: keepsAlive) }
        let hasBody = head.request.method != .head
        let isLarge = answer.body.count > core.limits.scratchBytesMax
        reply(connection) {
            ResponseWriter.append(
                status: answer.status, fields: answer.fields, body: answer.body, keepAlive: keepsAlive,
                isHTTP10: head.isHTTP10, omitsBody: isLarge || !hasBody, into: &$0)
        }
        if isLarge, hasBody { loop.send(connection.id, answer.body) }
        finishAnswer(connection, keepsAlive: keepsAlive)
    }

    /// The whole answer is in the outbox: ends the connection, or goes on with the next request.
    func finishAnswer(_ connection: Connection, keepsAlive: Bool) {
        uncountRequest(connection.http)
        connection.http?.request = nil
        connection.http?.lookup = .none
        guard keepsAlive else {
            connection.phase = .ending
            loop.close(connection.id, afterFlush: true)
            return
        }
        guard let http = connection.http, http.isAnswering else { return }
        http.isAnswering = false
        http.hasAsked = true
        connection.heardAt = loop.now
        readHeld(connection)
    }

    /// Goes on with what came behind the request that was answered, when the peer has taken most of the answer.
    func readHeld(_ connection: Connection) {
        guard connection.phase == .http, let http = connection.http, !http.isAnswering else { return }
        guard loop.outboxBytes(connection.id) <= core.limits.outboxBytesMax else {
            connection.isThrottled = true
            // Behind a stream it was read from all along; what comes now must stay behind what is held.
            loop.pauseReading(connection.id)
            return
        }
        listen(to: connection)
        let held = http.heldInput
        http.heldInput = []
        if !held.isEmpty { held.withUnsafeBytes { readRequests(connection, $0) } }
    }

    /// The bytes are no request: where the next one would begin is unknown, so the connection ends (RFC 9112 9.6).
    private func refuseRequest(_ connection: Connection, _ error: HTTPError) {
        // Where the body is being inflated, that is what made it too long.
        let isInflated = error == .bodyTooLarge && connection.http?.inflater != nil
        core.count(isInflated ? .inflatedTooLarge : error.refusal, connection.logMetadata)
        var answer: RESTAnswer
        if let http = connection.http, let match = http.match {
            let bytesMax = match.route.bodyBytesMax
            answer = RESTAnswer(
                match.dialect.answer(
                    to: error == .bodyTooLarge ? .tooLarge(bytesMax: bytesMax) : .badRequest(error.sentence)))
        } else {
            var problem = Problem(code: error.status == 413 ? .tooLarge : .badRequest, detail: error.sentence)
            problem.status = error.status
            answer = RESTAnswer(problem)
        }
        if let http = connection.http, let head = http.request {
            answer.fields += core.origins.fields(head, http.lookup)
        }
        reply(connection) {
            ResponseWriter.append(
                status: answer.status, fields: answer.fields, body: answer.body, keepAlive: false, into: &$0)
        }
        if let http = connection.http { dropBody(http) }
        connection.phase = .ending
        loop.close(connection.id, afterFlush: true)
    }

    func reply(_ connection: Connection, _ write: (inout [UInt8]) -> Void) {
        scratch.removeAll(keepingCapacity: true)
        write(&scratch)
        loop.send(connection.id, scratch)
        trimScratch()
    }

    /// Lets the buffer go where one answer has made it large.
    func trimScratch() {
        if scratch.capacity > core.limits.scratchBytesMax { scratch = [] }
    }
}

extension HTTPError {
    fileprivate var refusal: RefusalReason {
        switch status {
        case 414, 431: .headTooLarge
        case 413: .bodyTooLarge
        default: .badRequest
        }
    }
}

extension RequestHead {
    /// The API key of `Authorization: Bearer KEY` or `X-API-Key: KEY`. Never of the URL: those are logged everywhere.
    var apiKey: String? {
        if let authorization = field(.authorization) {
            let parts = authorization.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return String(parts[1])
        }
        return HTTPField.Name("X-API-Key").flatMap { field($0) }
    }
}
