internal import HTTP
internal import HTTPTypes
internal import Logging
internal import Reactor
internal import Wire

/// Bodies too long for memory: of requests to a file as they come, of answers from a file as they are taken. The files
/// are written and read on queues of their own, never on the loop.
extension HubShard {
    // MARK: Coming in

    /// The head has come: what is to be refused is, before its body; and where the body goes is decided.
    func begin(_ head: RequestHead, _ connection: Connection, _ http: HTTPExchange) throws(HTTPError) {
        var head = head
        http.lookup = core.dialects.find(head.request.method, head.path)
        let refused = refusal(of: &head, connection, http)
        http.request = head
        if let refused { return answerRequest(connection, refused, isLast: true) }
        let length = http.parser.announcedBodyBytes
        if let (error, reason) = overload(of: head, connection) {
            core.count(reason, connection.logMetadata)
            return answerRequest(connection, tooMuch(error, reason, http), isLast: length != 0)
        }
        if length != 0 {
            if case .refused(let dialect, let error) = http.lookup {
                return answerRequest(connection, RESTAnswer(dialect.answer(to: error)), isLast: true)
            }
            // Whether the key is good is the store's to say: of a long body while it comes, else when it is there.
            if !(http.match?.route.isOpenToStrangers ?? false), APIKey(head.apiKey ?? "") == nil {
                return answerRequest(connection, refusal(.unauthorized, http), isLast: true)
            }
        }
        try http.parser.boundBody(bytesMax: http.match?.route.bodyBytesMax ?? core.limits.requestBodyBytesMax)
        guard length == 0 || beginCoding(head, connection, http) else { return }
        if http.inflater != nil { return }
        guard http.match != nil, let length, length > core.limits.dialectMemoryBodyBytesMax else { return }
        _ = beginSpool(connection, http, bytes: length)
    }

    /// In the form of the dialect whose request it is, else in ours.
    func refusal(_ error: DialectError, _ http: HTTPExchange) -> RESTAnswer {
        if let dialect = http.match?.dialect { return RESTAnswer(dialect.answer(to: error)) }
        switch error {
        case .unauthorized: return RESTAnswer(Problem(code: .unauthorized))
        case .overloaded(let pause): return RESTAnswer(Problem(code: .overloaded, retryAfterMs: pause))
        default: return RESTAnswer(Problem(code: .internal))
        }
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection, _ http: HTTPExchange) {
        if http.incoming == nil, http.match != nil,
            http.requestBody.count + bytes.count > core.limits.dialectMemoryBodyBytesMax
        {
            guard beginSpool(connection, http, bytes: http.requestBody.count + bytes.count) else { return }
        }
        requestBodyBytes += bytes.count
        if let incoming = http.incoming {
            incoming.receivedBytes += bytes.count
            incoming.gathered.append(contentsOf: bytes)
            guard incoming.spool.reserve(incoming.receivedBytes) else { return refuseBody(connection, http) }
            if incoming.gathered.count >= core.limits.spoolPieceBytes { passOn(incoming, connection.id) }
        } else {
            http.requestBody.append(contentsOf: bytes)
        }
        noteMemory()
        if requestBodyBytes > core.limits.requestBodiesBytesMax || core.input.isFull { refuseBody(connection, http) }
    }

    /// The last byte has come: a body in memory goes to its route, one in a file when all of it is written.
    func endBody(_ connection: Connection, _ http: HTTPExchange) {
        guard let head = http.request else { return }
        if let incoming = http.incoming {
            incoming.isWhole = true
            http.isAnswering = true
            if !incoming.gathered.isEmpty { passOn(incoming, connection.id) }
            return finishSpoolIfWritten(connection, http, incoming)
        }
        let body = http.requestBody
        http.requestBody = []
        requestBodyBytes -= body.count
        route(connection, head, DialectBody(body))
    }

    private func beginSpool(_ connection: Connection, _ http: HTTPExchange, bytes: Int) -> Bool {
        let incoming = IncomingBody(Spool(core.spools), now: loop.now)
        guard incoming.spool.reserve(bytes) else {
            refuseBody(connection, http)
            return false
        }
        incoming.gathered = http.requestBody
        incoming.receivedBytes = http.requestBody.count
        http.requestBody = []
        http.incoming = incoming
        lookAtKey(connection.id, http, incoming.spool)
        return true
    }

    /// Whose key is no good has no place in the files: it is found out while the body comes.
    private func lookAtKey(_ id: ConnectionID, _ http: HTTPExchange, _ spool: Spool) {
        guard http.match?.route.isOpenToStrangers == false, let key = http.request?.apiKey else { return }
        let (core, shard) = (core, number)
        let credentials = core.credentials(key, connection(id)?.tlsPeer)
        core.read(key: id.index) {
            do throws(ErrorFrameError) {
                _ = try Authenticator(store: core.store).holder(of: credentials)
            } catch {
                core.post(.spooled(id, spool, .failure(DialectError(error.frame))), to: shard)
            }
        }
    }

    /// There is no room for it now.
    private func refuseBody(_ connection: Connection, _ http: HTTPExchange) {
        core.count(.inputFull, connection.logMetadata)
        answerRequest(connection, refusal(.overloaded(retryAfterMs: 1_000), http), isLast: true)
        dropBody(http)
    }

    /// What has come of a body is let go.
    func dropBody(_ http: HTTPExchange) {
        requestBodyBytes -= http.requestBody.count + (http.incoming?.memoryBytes ?? 0)
        dropInflater(http)
        http.requestBody = []
        http.incoming = nil
    }

    private func passOn(_ incoming: IncomingBody, _ id: ConnectionID) {
        let piece = incoming.gathered
        incoming.gathered = []
        incoming.waitingBytes += piece.count
        let (spool, core, shard) = (incoming.spool, core, number)
        core.spool(key: id.index) {
            do throws(DialectError) {
                try spool.append(piece)
                core.post(.spooled(id, spool, .success(piece.count)), to: shard)
            } catch {
                core.post(.spooled(id, spool, .failure(error)), to: shard)
            }
        }
        if incoming.waitingBytes > core.limits.spoolAheadBytesMax { loop.pauseReading(id) }
    }

    /// A piece is in the file, or cannot be.
    func takeSpooled(_ connection: Connection, _ spool: Spool, _ result: Result<Int, DialectError>) {
        guard connection.phase == .http, let http = connection.http, let incoming = http.incoming,
            incoming.spool === spool
        else { return }
        switch result {
        case .success(let count):
            incoming.waitingBytes -= count
            requestBodyBytes -= count
            if incoming.isWhole {
                finishSpoolIfWritten(connection, http, incoming)
            } else {
                listen(to: connection)
            }
        case .failure(let error):
            answerRequest(connection, refusal(error, http), isLast: !incoming.isWhole)
            dropBody(http)
        }
    }

    private func finishSpoolIfWritten(_ connection: Connection, _ http: HTTPExchange, _ incoming: IncomingBody) {
        guard incoming.waitingBytes == 0, let head = http.request else { return }
        http.incoming = nil
        route(connection, head, DialectBody(incoming.spool))
    }

    /// Whether a body comes too slowly. What is long may take its time, but has to come on.
    func isStalled(_ incoming: IncomingBody) -> Bool {
        // It is not read from: the disk is slow, and not the peer.
        if incoming.waitingBytes > core.limits.spoolAheadBytesMax
            || incoming.receivedBytes - incoming.markBytes >= core.limits.bodyProgressBytes
        {
            incoming.markBytes = incoming.receivedBytes
            incoming.markAt = loop.now
        }
        return seconds(since: incoming.markAt) >= core.limits.bodyProgressSeconds
    }

    // MARK: Going out

    func sendSpooled(_ connection: Connection, _ answer: RESTAnswer, _ body: DialectBody, keepsAlive: Bool) {
        guard let http = connection.http, let head = http.request else { return }
        reply(connection) {
            ResponseWriter.appendHead(
                status: answer.status, fields: answer.fields, bodyBytes: body.count, keepAlive: keepsAlive,
                isHTTP10: head.isHTTP10, into: &$0)
        }
        guard head.request.method != .head else { return finishAnswer(connection, keepsAlive: keepsAlive) }
        let outgoing = OutgoingBody(body, keepsAlive: keepsAlive)
        http.outgoing = outgoing
        readOutgoing(connection.id, outgoing)
    }

    private func readOutgoing(_ id: ConnectionID, _ outgoing: OutgoingBody) {
        outgoing.isWaiting = false
        let (body, offset, countMax) = (outgoing.body, outgoing.offset, core.limits.spoolPieceBytes)
        let (core, shard) = (core, number)
        core.spool(key: id.index) {
            do throws(DialectError) {
                let piece = SharedBytes(Array(try body.read(from: offset, countMax: countMax)))
                core.post(.bodyPiece(id, offset: offset, .success(piece)), to: shard)
            } catch {
                core.post(.bodyPiece(id, offset: offset, .failure(error)), to: shard)
            }
        }
    }

    func takeOutgoing(_ connection: Connection, _ offset: Int, _ result: Result<SharedBytes, DialectError>) {
        // One piece is under way at a time, so that none of an earlier answer can come behind its last one.
        guard let http = connection.http, let outgoing = http.outgoing, outgoing.offset == offset else { return }
        guard case .success(let piece) = result, piece.count > 0 else {
            // The head is out: a body that ends before its length is all that can say so.
            core.notices.tell(
                .warning, "an answer was cut off",
                connection.logMetadata.merging(["bytes": "\(offset)"]) { $1 })
            return loop.close(connection.id, afterFlush: false)
        }
        loop.send(connection.id, piece)
        outgoing.offset += piece.count
        if outgoing.offset >= outgoing.body.count {
            http.outgoing = nil
            finishAnswer(connection, keepsAlive: outgoing.keepsAlive && !core.isDraining)
        } else if loop.outboxBytes(connection.id) > core.limits.spoolAheadBytesMax {
            outgoing.isWaiting = true
        } else {
            readOutgoing(connection.id, outgoing)
        }
    }

    /// The outbox is empty.
    func goOnSending(_ connection: Connection) {
        guard let outgoing = connection.http?.outgoing, outgoing.isWaiting else { return }
        readOutgoing(connection.id, outgoing)
    }
}
