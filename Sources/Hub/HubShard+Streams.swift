internal import HTTP
internal import HTTPTypes
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// Answers that go on: event streams, polls and exports. One at a time on a connection, like any other answer.
///
///     http, answering  --opened-->           stream   in its room (an export: in none), then the log is read
///     stream           --page of a poll-->   http     the next request of the connection
///     stream           --export's end-->     http     the same
///     stream           --error, revoked key, removed device, hub stop, peer gone-->  ending
extension HubShard {
    func open(_ connection: Connection, _ opening: StreamOpening) {
        guard connection.phase == .http, let head = connection.http?.request else { return }
        // Its device may have been removed meanwhile: it is looked up again.
        // The same where its key may have been revoked, or the log has another life.
        guard opening.removalCount == core.removalCount, opening.generation == core.store.generation else {
            return route(connection, head, DialectBody([]))
        }
        let stream = HTTPStream(
            opening, for: head, core.configuration.compression, isDraining: core.isDraining, now: loop.now)
        if head.request.method == .head {
            sendHead(connection, stream, head)
            finishAnswer(connection, keepsAlive: stream.keepsAlive)
            return
        }
        guard countKey(connection, opening.keyPrefix) else {
            return answerRequest(connection, RESTAnswer(Problem(keyIsFull)))
        }
        guard core.streams.take(opening.user.id) else {
            uncountKey(connection)
            core.count(.overloaded, connection.logMetadata)
            let detail =
                "this user holds \(core.limits.streamsPerUserMax) streams, polls and exports, as many as it may"
            answerRequest(
                connection, RESTAnswer(Problem(code: .rateLimited, detail: detail, retryAfterMs: 1_000)))
            return
        }
        uncountRequest(connection.http)
        connection.stream = stream
        connection.subscription = stream.subscription(connection.id)
        connection.phase = .stream
        // It answers no ping: that its kernel confirms what is sent is all that tells of it.
        loop.setUnacknowledgedMax(connection.id, seconds: core.limits.idleSeconds)
        listen(to: connection)
        switch opening.kind {
        case .events: beginEvents(connection, stream, head)
        case .poll(_, let waitSeconds): beginPoll(connection, waitSeconds: waitSeconds)
        case .export: readExport(connection)
        }
    }

    private func beginEvents(_ connection: Connection, _ stream: HTTPStream, _ head: RequestHead) {
        guard enterRoom(connection, stream.opening.access.space) else { return }
        noteCome(connection)
        sendHead(connection, stream, head)
        // Each its own: a herd that a restart has cut off comes back spread out.
        let delay = Int.random(in: core.limits.reconnectMilliseconds)
        sendBody(connection) { EventStreamWriter.appendRetry(milliseconds: delay, into: &$0) }
        readLog(connection)
    }

    func sendHead(_ connection: Connection, _ stream: HTTPStream, _ head: RequestHead) {
        var fields = [("Content-Type", stream.contentType), ("Cache-Control", "no-store")]
        // nginx would gather events until its buffer is full.
        if stream.isExport, core.configuration.compression.isOffered { fields.append(AnswerCoding.vary) }
        if stream.gzip != nil { fields.append(AnswerCoding.gzip) }
        if stream.isEvents { fields.append(("X-Accel-Buffering", "no")) }
        fields += core.origins.fields(head, .none)
        reply(connection) {
            ResponseWriter.appendHead(
                status: 200, fields: fields, chunked: stream.isChunked && !stream.isPoll,
                keepAlive: stream.keepsAlive, into: &$0)
        }
    }

    /// Sends what `write` writes as a part of the body.
    func sendBody(_ connection: Connection, _ write: (inout [UInt8]) -> Void) {
        guard let stream = connection.stream else { return }
        var bytes: [UInt8] = []
        write(&bytes)
        reply(connection) {
            if stream.isChunked { ResponseWriter.appendChunk(bytes, into: &$0) } else { $0 += bytes }
        }
    }

    // MARK: While it goes on

    /// Keeps what the peer sends for when the answer has ended. It is read all the same, for only so is the peer's
    /// leaving heard.
    func hold(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        guard let http = connection.http else { return }
        http.heldInput.append(contentsOf: bytes)
        if http.heldInput.count >= core.limits.heldInputBytesMax { loop.pauseReading(connection.id) }
    }

    /// A stream may be silent for ever; one that does not take what it is sent may not.
    func sweepStream(_ connection: Connection) {
        if connection.pendingBytes > 0 {
            if seconds(since: connection.heardAt) >= core.limits.idleSeconds {
                cutOff(connection, .idle)
            }
        } else if let stream = connection.stream, stream.isEvents,
            seconds(since: stream.beatAt) >= core.limits.heartbeatSeconds
        {
            connection.stream?.beatAt = loop.now
            beat(connection)
        }
    }

    /// Says that the stream is alive: by its place, where that has moved past what filters left out, so that the peer
    /// does not read it all again when it comes back; else by a comment.
    private func beat(_ connection: Connection) {
        if let subscription = connection.subscription, subscription.state == .live,
            subscription.told < subscription.seen
        {
            loop.send(
                connection.id,
                subscription.chain.advance(
                    after: subscription.told, upTo: subscription.seen, as: subscription.framing))
            connection.subscription?.told = subscription.seen
        } else {
            sendBody(connection) { EventStreamWriter.appendComment(into: &$0) }
        }
    }

    // MARK: The end

    /// Ends it with an error: events say it, a poll is answered with it, an export is cut off.
    func refuseStream(_ connection: Connection, _ error: ErrorFrame) {
        guard let stream = connection.stream else { return }
        switch stream.opening.kind {
        case .events:
            var told = error
            told.isFatal = true
            sendEvent(connection, .error(told), type: "error")
            endEvents(connection)
        case .poll:
            finishPoll(connection, RESTAnswer(Problem(error)), isLast: error.code.isFatal)
        case .export:
            abortExport(connection, error)
        }
    }

    /// The hub stops.
    func sayFarewell(_ connection: Connection) {
        guard let stream = connection.stream else { return }
        switch stream.opening.kind {
        case .events:
            let delay = Int.random(in: core.limits.reconnectMilliseconds)
            sendBody(connection) { EventStreamWriter.appendRetry(milliseconds: delay, into: &$0) }
            sendEvent(connection, .bye(Bye(reason: .shuttingDown, reconnectAfterMs: delay)), type: "bye")
            endEvents(connection)
        case .poll:
            answerEmpty(connection)
        case .export:
            abortExport(connection, ErrorFrame(code: .shuttingDown))
        }
    }

    private func sendEvent(_ connection: Connection, _ frame: HubFrame, type: String) {
        guard let framing = connection.subscription?.framing else { return }
        var payload: [UInt8] = []
        frame.encode(into: &payload)
        var bytes: [UInt8] = []
        framing.append(payload, type: type, upTo: nil, with: nil, into: &bytes)
        loop.send(connection.id, bytes)
    }

    private func endEvents(_ connection: Connection) {
        sendLastChunk(connection)
        leaveStream(connection)
        finishAnswer(connection, keepsAlive: false)
    }

    func sendLastChunk(_ connection: Connection) {
        guard connection.stream?.isChunked == true else { return }
        reply(connection) { ResponseWriter.appendLastChunk(into: &$0) }
    }

    /// Frees all that the stream holds. The connection is between the end of its answer and what comes next.
    func leaveStream(_ connection: Connection) {
        guard let stream = connection.stream else { return }
        loop.cancel(stream.timer)
        noteGone(connection)
        leaveRoom(connection)
        connection.stream = nil
        connection.phase = .http
        core.streams.giveBack(stream.opening.user.id)
        uncountKey(connection)
        // The connection's requests are under the kernel's own patience again, and ours.
        loop.setUnacknowledgedMax(connection.id, seconds: 0)
    }
}
