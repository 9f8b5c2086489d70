internal import HTTP
internal import HTTPTypes
internal import Logging
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// What a shard refuses because there is too much of it, and what it ends to keep within its memory.
extension HubShard {
    // MARK: Connections

    /// Turns a connection away before it has cost anything. Over TLS nothing can be said.
    func turnAway(_ socket: AcceptedSocket, _ reason: RefusalReason) {
        core.count(reason, ["peer": "\(socket.peer.unmapped)"])
        guard core.configuration.tls == nil else { return socket.close() }
        let pause = Int.random(in: core.limits.reconnectMilliseconds)
        let problem =
            reason == .connections
            ? Problem(code: .overloaded, detail: "the hub has as many connections as it may", retryAfterMs: pause)
            : Problem(code: .rateLimited, detail: AdmissionGate.sentence(reason), retryAfterMs: pause)
        var answer = RESTAnswer(problem)
        // Of those who are many behind one address none knows of the others: to each it is the hub that has no room.
        answer.status = 503
        var bytes: [UInt8] = []
        ResponseWriter.append(
            status: answer.status, fields: answer.fields, body: answer.body, keepAlive: false, into: &bytes)
        socket.close(saying: bytes)
    }

    /// The connection counts as one of its key's, once. False where that has as many as it may.
    func countKey(_ connection: Connection, _ prefix: String) -> Bool {
        guard connection.countedKey == nil else { return true }
        guard core.keyConnections.take(prefix) else {
            core.count(.connectionsOfKey, connection.logMetadata)
            return false
        }
        connection.countedKey = prefix
        return true
    }

    func uncountKey(_ connection: Connection) {
        guard let prefix = connection.countedKey else { return }
        connection.countedKey = nil
        core.keyConnections.giveBack(prefix)
    }

    var keyIsFull: ErrorFrame {
        ErrorFrame(
            code: .rateLimited,
            message: "this key holds \(core.limits.connectionsPerKeyMax) sessions and streams, as many as it may",
            retryAfterMs: Int.random(in: core.limits.reconnectMilliseconds), isFatal: true)
    }

    // MARK: Requests

    /// What there is too much of for this request: nil where it may go on.
    func overload(of head: RequestHead, _ connection: Connection) -> (DialectError, RefusalReason)? {
        let client = core.proxies.client(of: head, from: connection.peer)
        if client != connection.client {
            guard core.gate.move(from: connection.client, to: client) else {
                return (
                    .overloaded(retryAfterMs: Int.random(in: core.limits.reconnectMilliseconds)), .connectionsOfAddress
                )
            }
            connection.client = client
        }
        guard let http = connection.http else { return nil }
        // Not by the key's prefix, which is no secret: nobody else can use up what its holder may.
        guard let key = head.apiKey?.hashValue else { return nil }
        if let pause = core.requestRates.take(key) { return (.overloaded(retryAfterMs: pause), .requestRate) }
        guard core.keyRequests.take(key) else { return (.overloaded(retryAfterMs: 1_000), .requestRate) }
        http.countedKey = key
        if core.outboxes.isFull { return (.overloaded(retryAfterMs: 1_000), .outboxesFull) }
        return nil
    }

    /// The request is whole, and one of those that are with their routes. Not before: who sends a body in drops would
    /// hold a place that costs others theirs. False, and it is answered, where there are as many as there may be.
    func countRequest(_ connection: Connection) -> Bool {
        guard let http = connection.http, !http.isCounted else { return true }
        guard core.requests.take(0) else {
            core.count(.overloaded, connection.logMetadata)
            http.isAnswering = true
            answerRequest(connection, refusal(.overloaded(retryAfterMs: 1_000), http))
            return false
        }
        http.isCounted = true
        return true
    }

    /// The refusal of a request, by hub or dialect.
    func tooMuch(_ error: DialectError, _ reason: RefusalReason, _ http: HTTPExchange) -> RESTAnswer {
        guard http.match == nil, reason != .outboxesFull, case .overloaded(let pause) = error
        else {
            return refusal(error, http)
        }
        return RESTAnswer(Problem(code: .rateLimited, retryAfterMs: pause))
    }

    /// The request is answered, or goes on as what is counted otherwise.
    func uncountRequest(_ http: HTTPExchange?) {
        guard let http else { return }
        if http.isCounted {
            http.isCounted = false
            core.requests.giveBack(0)
        }
        guard let key = http.countedKey else { return }
        http.countedKey = nil
        core.keyRequests.giveBack(key)
    }

    /// A wrong key of somebody who has tried too many of them is told nothing but to wait.
    func slowed(_ answer: RESTAnswer, _ connection: Connection, _ http: HTTPExchange) -> RESTAnswer {
        guard answer.status == 401, http.request?.apiKey != nil else { return answer }
        guard let pause = core.logins.failed(from: core.gate.block(of: connection.client)) else { return answer }
        core.count(.loginRate, connection.logMetadata)
        guard http.match == nil else { return refusal(.overloaded(retryAfterMs: pause), http) }
        return RESTAnswer(Problem(code: .rateLimited, detail: HubShard.triesSentence, retryAfterMs: pause))
    }

    /// The same for a hello.
    func slowed(_ error: ErrorFrame, _ connection: Connection) -> ErrorFrame {
        guard error.code == .unauthorized else { return error }
        guard let pause = core.logins.failed(from: core.gate.block(of: connection.client)) else { return error }
        core.count(.loginRate, connection.logMetadata)
        return ErrorFrame(code: .rateLimited, message: HubShard.triesSentence, retryAfterMs: pause, isFatal: true)
    }

    static let triesSentence = "too many wrong keys came from this address"

    // MARK: Frames

    /// A device that has sent more than it may is not read from until that is made good: it is held up by its own full
    /// socket, and nothing that it has sent is lost or refused.
    func spend(_ count: Int, _ connection: Connection) {
        guard let member = connection.member, !core.deviceRates.rate.isOff else { return }
        let pause = core.deviceRates.spend(count, of: "\(member.user.id)/\(member.device.id)")
        guard pause > 0, !connection.isOverRate else { return }
        connection.isOverRate = true
        core.count(.requestRate, connection.logMetadata)
        loop.pauseReading(connection.id)
        // A timer that cannot be had must not hold it up for ever.
        if loop.schedule(after: .milliseconds(pause), token: connection.id.raw) == .none {
            connection.isOverRate = false
        }
    }

    func endPause(_ connection: Connection) {
        guard connection.isOverRate else { return }
        connection.isOverRate = false
        // What it had sent in one piece before it was held up may have cost more meanwhile.
        spend(0, connection)
        if !connection.isOverRate { listen(to: connection) }
    }

    // MARK: Memory

    /// Says what the shard holds where that has changed, and ends what is too much.
    func noteMemory() {
        let outboxBytes = loop.queuedBytes
        if abs(outboxBytes - toldOutboxBytes) >= core.outboxes.stepBytes {
            toldOutboxBytes = outboxBytes
            core.outboxes.note(outboxBytes, of: number)
            if outboxBytes > 0, core.outboxes.isFull { endLargestOutboxes() }
        }
        if abs(inputBytes - toldInputBytes) >= core.input.stepBytes {
            toldInputBytes = inputBytes
            core.input.note(inputBytes, of: number)
        }
    }

    /// Request bodies, and messages that are half here.
    var inputBytes: Int { requestBodyBytes + partialMessageBytes }

    /// The mark past which a subscriber is fed from the log.
    var outboxMarkBytes: Int {
        core.outboxes.isCrowded
            ? min(core.limits.crowdedOutboxBytes, core.limits.outboxBytesMax) : core.limits.outboxBytesMax
    }

    /// Whoever has the most unread ends, until this shard's part of the excess is gone. Nothing can be said to them: they
    /// do not read. The log has what they miss.
    private func endLargestOutboxes() {
        let total = core.outboxes.total
        guard total > 0 else { return }
        var excess = Int(
            Double(total - core.outboxes.bytesMax * 3 / 4) * Double(max(loop.queuedBytes, 0)) / Double(total))
        let large = connections.compactMap { $0 }.map { ($0, loop.outboxBytes($0.id)) }
            .filter { $0.1 > core.limits.crowdedOutboxBytes }.sorted { $0.1 > $1.1 }
        for (connection, bytes) in large where excess > 0 {
            core.count(.outboxesFull, connection.logMetadata)
            loop.close(connection.id, afterFlush: false)
            excess -= bytes
        }
    }

    /// What a socket has sent of a message that is not whole. Where there is no room for it the session ends, with a
    /// delay to come back: paused, those who are half through would wait for each other.
    func notePartial(_ connection: Connection) {
        let bytes = (connection.machine?.bufferedBytes ?? 0) + connection.unread.count
        let grown = bytes - connection.partialBytes
        guard grown != 0 else { return }
        connection.partialBytes = bytes
        partialMessageBytes += grown
        noteMemory()
        guard grown > 0, bytes > core.limits.smallMessageBytes, core.input.isFull else { return }
        core.count(.inputFull, connection.logMetadata)
        let pause = Int.random(in: core.limits.reconnectMilliseconds)
        switch connection.phase {
        case .session:
            refuse(connection, ErrorFrame(code: .overloaded, retryAfterMs: pause, isFatal: true))
        case .echo, .watch:
            end(connection, closeCode: CloseCode.tryAgainLater.rawValue, reason: ErrorCode.overloaded.sentence)
        case .http, .stream, .ending: break
        }
    }

    func forgetPartial(_ connection: Connection) {
        partialMessageBytes -= connection.partialBytes
        connection.partialBytes = 0
    }
}

extension AdmissionGate {
    static func sentence(_ reason: RefusalReason) -> String {
        reason == .connectionsOfAddress
            ? "this address has as many connections as it may" : "connections come faster than they are taken"
    }
}
