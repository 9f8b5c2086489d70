internal import Causality
internal import HTTP
internal import Logging
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// One event loop's share of the hub: its connections, their sessions, and the rooms they listen in.
///
/// Lives on its loop's thread. What blocks (the store) is done elsewhere and comes back as mail.
final class HubShard: LoopHandler {
    enum Timer {
        static let sweep: UInt64 = 1
        static let acknowledge: UInt64 = 2
        static let revocations: UInt64 = 3
        static let beat: UInt64 = 4
    }

    let number: Int
    let core: HubCore
    let loop: EventLoop<HubShard>
    /// By slot of the connection's ID.
    var connections: [Connection?] = []
    var rooms: [Identifier: Room] = [:]
    /// Connections with an acknowledgement that the store has not been told.
    var acknowledging: [ConnectionID] = []
    /// Bytes on their way into an outbox; kept, so that a frame costs no allocation.
    var scratch: [UInt8] = []
    var figures = ShardFigures()
    /// Of this turn.
    var deliveries: [Delivery] = []
    /// What all of the shard's connections compress and inflate with.
    let deflate = SharedDeflate()
    private var nextShard = 0
    private var lastNumber: UInt64 = 0
    private var connectionCount = 0
    /// Bytes of request bodies that are coming in.
    var requestBodyBytes = 0
    /// Bytes of messages that are not whole.
    var partialMessageBytes = 0
    /// What the other shards were told of this one's memory.
    var toldOutboxBytes = 0
    var toldInputBytes = 0
    /// Set once the hub stops.
    private var farewell: Farewell?

    init(number: Int, core: HubCore, loop: EventLoop<HubShard>) {
        self.number = number
        self.core = core
        self.loop = loop
        _ = loop.schedule(after: .milliseconds(core.limits.sweepMilliseconds), token: Timer.sweep)
        _ = loop.schedule(after: .seconds(core.limits.acknowledgeSeconds), token: Timer.acknowledge)
        if number == 0 {
            _ = loop.schedule(after: .seconds(core.limits.revocationSeconds), token: Timer.revocations)
            _ = loop.schedule(after: .milliseconds(core.limits.pollMilliseconds), token: Timer.beat)
        }
    }

    // MARK: Connections

    /// The listening shard deals connections out in turn.
    func accepted(_ socket: AcceptedSocket) {
        if let refusal = core.gate.admit(socket.peer.unmapped) { return turnAway(socket, refusal) }
        let shardCount = core.configuration.shardCount
        // Where all are full, the next one refuses it.
        let target = (0..<shardCount).map { (nextShard + $0) % shardCount }.first(where: core.hasRoom) ?? nextShard
        nextShard = (target + 1) % shardCount
        if target == number { adopt(socket) } else { core.post(.adopt(socket), to: target) }
    }

    @discardableResult
    func adopt(_ socket: AcceptedSocket, client: SocketAddress? = nil) -> Connection {
        let id = loop.adopt(socket, tls: core.configuration.tls)
        var limits = HTTPLimits()
        limits.headBytesMax = core.limits.headBytesMax
        limits.requestLineBytesMax = min(limits.requestLineBytesMax, core.limits.headBytesMax)
        // Each body is bounded at its head: how long it may be is its path's to say.
        limits.bodyBytesMax = .max
        while connections.count <= id.index { connections.append(nil) }
        let peer = socket.peer.unmapped
        let connection = Connection(
            id: id, number: nextNumber(), peer: peer, client: client ?? peer, now: loop.now, limits: limits)
        connections[id.index] = connection
        // Of one that comes from another shard.
        connection.note(loop.tlsPeer(id))
        count(1)
        figures.connections &+= 1
        log(.debug, "connected", connection)
        return connection
    }

    /// Unlike any other shard's: the shard's own number is its last part.
    private func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber &* UInt64(core.configuration.shardCount) &+ UInt64(number)
    }

    /// Gives a connection up to another shard. Nil where it cannot go just now.
    func detach(_ connection: Connection) -> AcceptedSocket? {
        guard let socket = loop.detach(connection.id) else { return nil }
        forgetPartial(connection)
        connections[connection.id.index] = nil
        count(-1)
        return socket
    }

    private func count(_ step: Int) {
        connectionCount += step
        core.note(connectionCount, on: number)
    }

    func connection(_ id: ConnectionID) -> Connection? {
        guard id.index < connections.count, let connection = connections[id.index], connection.id == id else {
            return nil
        }
        return connection
    }

    func secured(_ id: ConnectionID, _ peer: TLSPeer) {
        guard let connection = connection(id) else { return }
        connection.heardAt = loop.now
        connection.note(peer)
    }

    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard let connection = connection(id) else { return }
        connection.heardAt = loop.now
        connection.isPinged = false
        figures.bytesReceived &+= bytes.count
        connection.bytesReceived &+= bytes.count
        switch connection.phase {
        case .http: readRequests(connection, UnsafeRawBufferPointer(bytes))
        case .stream: hold(connection, UnsafeRawBufferPointer(bytes))
        case .session, .echo, .watch: readFrames(connection, bytes)
        case .ending: break
        }
        throttle(connection)
        noteMemory()
    }

    /// A peer that does not read what it is answered is not listened to either: its outbox must not grow by what it
    /// sends.
    func throttle(_ connection: Connection) {
        guard loop.outboxBytes(connection.id) > core.limits.outboxBytesMax else { return }
        connection.isThrottled = true
        loop.pauseReading(connection.id)
    }

    func drained(_ id: ConnectionID) {
        guard let connection = connection(id) else { return }
        connection.isThrottled = false
        noteMemory()
        listen(to: connection)
        goOnSending(connection)
        tellOwed(connection)
        readHeld(connection)
        guard connection.subscription?.state == .lagging else { return }
        if connection.stream?.isExport == true { readExport(connection) } else { readLog(connection) }
    }

    /// Whoever only listens says by this that he goes. Nothing more is read for him.
    func readClosed(_ id: ConnectionID) {
        guard let connection = connection(id), connection.phase == .stream else { return }
        loop.close(id, afterFlush: false)
    }

    /// Reads from the peer again, unless there is another reason not to.
    func listen(to connection: Connection) {
        guard !connection.isThrottled, !connection.isOverRate else { return }
        switch connection.phase {
        case .http:
            guard !connection.isAnswering else { return }
            if let incoming = connection.http?.incoming, incoming.waitingBytes > core.limits.spoolAheadBytesMax {
                return
            }
        case .stream:
            guard let http = connection.http, http.heldInput.count < core.limits.heldInputBytesMax else { return }
        case .watch: break
        case .session, .echo, .ending:
            guard connection.session.wantsInput, !connection.isHeldBack else { return }
        }
        guard connection.unread.isEmpty || connection.phase == .ending else { return readOnSoon(connection) }
        loop.resumeReading(connection.id)
    }

    func closed(_ id: ConnectionID, _ reason: CloseReason) {
        if case .tls(let error) = reason {
            var known = connection(id)?.logMetadata ?? [:]
            known["error"] = "\(error.sentence)"
            core.count(.tls, known)
        }
        guard let connection = connection(id) else { return }
        logEnd(of: connection, reason)
        if reason == .outboxFull { core.count(.outboxFull, connection.logMetadata) }
        core.gate.leave(connection.client)
        uncountKey(connection)
        uncountRequest(connection.http)
        forgetPartial(connection)
        connection.session.disconnected()
        noteGone(connection)
        leaveStream(connection)
        leaveRoom(connection)
        leaveWatch(connection)
        flushAcknowledgement(connection)
        connections[id.index] = nil
        count(-1)
        if let http = connection.http {
            dropBody(http)
            http.outgoing = nil
        }
        if farewell != nil { tellWhenEmpty() }
    }

    // MARK: Mail and timers

    func mail(_ batch: ContiguousArray<ShardMail>) {
        for mail in batch { take(mail) }
        noteMemory()
    }

    private func take(_ mail: ShardMail) {
        switch mail {
        case .adopt(let socket):
            // Dealt out before the listener was closed: it would be told of no farewell.
            guard !core.isDraining else {
                core.gate.leave(socket.peer.unmapped)
                return socket.close()
            }
            adopt(socket)
        case .broadcast(let broadcast): deliver(broadcast)
        case .commit(let lane):
            if !lane.run(batchesMax: core.limits.commitsPerTurnMax, mayWait: false) {
                core.post(.commit(lane), to: number)
            }
        case .listen(let socket): loop.listen(on: socket)
        case .stopListening: loop.stopListening()
        case .tally(let take): take(tally())
        case .ping(let answer): answer()
        case .farewell(let farewell): say(farewell)
        case .revoked(let prefixes): revoke(prefixes)
        case .certificatesRefused(let hashes): end(certificates: hashes)
        case .removed(let device, let user, let replica): endSessions(of: device, user, keeping: replica)
        case .recheck: recheck()
        case .changed(let user): change(user)
        case .recheckGuests(let user): recheckGuests(of: user)
        case .newLife(let generation): endLives(except: generation)
        case .readAgain(let id): readAgain(id)
        case .readOn(let id):
            if let connection = connection(id) { readOn(connection) }
        case .claimed(let id, let position, let isHeld): takeClaim(id, position, isHeld: isHeld)
        case .replaced(let id, let isElsewhere):
            guard let connection = connection(id) else { return }
            noteGone(connection, isElsewhere: isElsewhere)
            act(connection, connection.session.refused(.replaced))
        case .opened(let id, let opening):
            if let connection = connection(id) { open(connection, opening) }
        case .polled(let id, let page):
            if let connection = connection(id) { takePollPage(connection, page) }
        case .exported(let id, let page):
            if let connection = connection(id) { takeExportPage(connection, page) }
        case .admitted(let id, let admission):
            if let connection = connection(id), !moveHome(connection, admission) { admit(connection, admission) }
        case .moved(let socket, let hello, let admission, let setting): takeIn(socket, hello, admission, setting)
        case .refused(let id, let error):
            if let connection = connection(id) { refuse(connection, slowed(error, connection)) }
        case .pushed(let id, let answer):
            if let connection = connection(id) { answerPush(connection, answer) }
        case .page(let id, let page):
            if let connection = connection(id) { takePage(connection, page) }
        case .answered(let id, let answer):
            if let connection = connection(id) { answerRequest(connection, answer) }
        case .spooled(let id, let spool, let result):
            if let connection = connection(id) { takeSpooled(connection, spool, result) }
        case .membership(let user, let team): endWatches(of: user, team)
        case .watching(let id, let opening):
            if let connection = connection(id) { openWatch(connection, opening) }
        case .headsRead(let id, let heads):
            if let connection = connection(id) { takeHeads(connection, heads) }
        case .bodyPiece(let id, let offset, let result):
            if let connection = connection(id) { takeOutgoing(connection, offset, result) }
        }
    }

    func timerFired(_ token: UInt64) {
        switch token {
        case Timer.sweep:
            sweep()
            if number == 0 { core.notices.tellRest() }
            noteMemory()
            _ = loop.schedule(after: .milliseconds(core.limits.sweepMilliseconds), token: token)
        case Timer.acknowledge:
            flushAcknowledgements()
            _ = loop.schedule(after: .seconds(core.limits.acknowledgeSeconds), token: token)
        case Timer.revocations:
            core.lookForRevocations()
            _ = loop.schedule(after: .seconds(core.limits.revocationSeconds), token: token)
        case Timer.beat:
            core.beat()
            _ = loop.schedule(after: .milliseconds(core.limits.pollMilliseconds), token: token)
        default:
            // A poll's time is up: its token is its connection, and no connection has a number as small as those above.
            guard let connection = connection(ConnectionID(raw: token)) else { return }
            if connection.phase == .session { endPause(connection) } else { endWait(connection) }
        }
    }

    /// Ends what has been silent or unfinished for too long, and pings what has been silent for a while.
    private func sweep() {
        for case let connection? in connections {
            let pendingBytes = loop.outboxBytes(connection.id)
            if pendingBytes != connection.pendingBytes { connection.heardAt = loop.now }
            connection.pendingBytes = pendingBytes
            switch connection.phase {
            case .http: sweepRequest(connection)
            case .stream: sweepStream(connection)
            case .session, .echo, .watch: sweepSocket(connection)
            case .ending: break
            }
        }
    }

    func seconds(since time: UInt64) -> Int {
        Int((loop.now - time) / 1_000_000_000)
    }

    private func sweepRequest(_ connection: Connection) {
        let silence = seconds(since: connection.heardAt)
        guard let http = connection.http else { return }
        if http.outgoing?.isWaiting == true, silence >= core.limits.idleSeconds {
            // It does not take what it asked for.
            return cutOff(connection, .idle)
        }
        guard !http.isAnswering else { return }
        if let incoming = http.incoming {
            if isStalled(incoming) { cutOff(connection, .bodyTimeout) }
        } else if let begun = http.requestBegunAt {
            // A head or a body that comes in drops is silent never, and still ends.
            if silence >= core.limits.headSeconds || seconds(since: begun) >= core.limits.requestSeconds {
                cutOff(connection, http.request == nil ? .headTimeout : .bodyTimeout)
            }
        } else if http.hasAsked || connection.pendingBytes > 0 {
            if silence >= core.limits.idleSeconds { cutOff(connection, .idle) }
        } else if silence >= core.limits.handshakeSeconds {
            cutOff(connection, .handshakeTimeout)
        }
    }

    func cutOff(_ connection: Connection, _ reason: RefusalReason) {
        core.count(reason, connection.logMetadata)
        loop.close(connection.id, afterFlush: false)
    }

    private func sweepSocket(_ connection: Connection) {
        // Whoever is not read because of its pushes cannot be heard: its silence is ours.
        if connection.phase == .session,
            connection.isOverRate
                || connection.session.pushesInFlight > 0 && (!connection.session.wantsInput || connection.isHeldBack)
        {
            connection.heardAt = loop.now
        }
        sweepWatch(connection)
        if sweepUnfinished(connection) { return }
        let silence = seconds(since: connection.heardAt)
        if connection.phase == .session, connection.session.phase == .awaitingHello,
            seconds(since: connection.startedAt) >= core.limits.helloSeconds
        {
            core.count(.helloTimeout, connection.logMetadata)
            return act(connection, connection.session.helloTimedOut())
        }
        if silence >= core.limits.idleSeconds {
            cutOff(connection, .idle)
        } else if silence >= core.limits.pingSeconds && !connection.isPinged {
            connection.isPinged = true
            write(connection) { $0.appendPing(into: &$1) }
        }
    }

    /// Says bye to every session and ends every connection once its outbox is empty.
    private func say(_ farewell: Farewell) {
        self.farewell = farewell
        loop.stopListening()
        for case let connection? in connections {
            if connection.phase == .session {
                let delay = Int.random(in: core.limits.reconnectMilliseconds)
                if let bye = connection.session.draining(reconnectAfterMs: delay) {
                    send(connection, .bye(bye))
                }
                end(connection, closeCode: ErrorCode.shuttingDown.closeCode, reason: ErrorCode.shuttingDown.sentence)
            } else if connection.phase == .stream {
                sayFarewell(connection)
            } else if connection.phase == .watch {
                endWatch(connection, code: .goingAway, reason: ErrorCode.shuttingDown.sentence)
            } else if connection.phase == .http, connection.isAnswering || connection.http?.outgoing != nil {
                // Its answer comes, or goes on, as long as the hub waits; behind it the connection ends.
                continue
            } else {
                connection.phase = .ending
                loop.close(connection.id, afterFlush: true)
            }
            flushAcknowledgement(connection)
        }
        tellWhenEmpty()
    }

    private func tellWhenEmpty() {
        guard let farewell, connectionCount == 0 else { return }
        farewell.emptied()
        self.farewell = nil
    }
}
