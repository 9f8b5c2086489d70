internal import Causality
internal import HTTP
internal import Logging
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// WebSockets of dialects: each hears of the commits in its spaces from now on, and of nothing before.
///
///     http, answering  --opening-->   watch    101, in its rooms, then the heads of its spaces are read
///     watch            --full outbox--> watch  notices are gathered, and told in one when it has drained
///     watch            --revoked key, lost membership, new life, hub stop, silence, flood--> ending
extension HubShard {
    /// The request asks for a socket of a dialect: its handshake is looked at here, its key off the loop.
    func askSocket(_ connection: Connection, _ match: DialectTable.Match, _ head: RequestHead) {
        guard case .socket(let open) = match.route.action else { return }
        do throws(HandshakeRefusal) {
            _ = try Handshake.answer(to: head)
        } catch {
            core.count(.badRequest, connection.logMetadata)
            var answer = RESTAnswer(match.dialect.answer(to: .badRequest(error.sentence)))
            answer.status = error.status
            answer.fields += error.fields
            return answerRequest(connection, answer)
        }
        guard core.dialectLoad.take(isBulk: false) else {
            core.count(.overloaded, connection.logMetadata)
            return answerRequest(connection, RESTAnswer(match.dialect.answer(to: .overloaded(retryAfterMs: 1_000))))
        }
        let (id, core, shard) = (connection.id, core, number)
        let desk = DialectDesk(
            core: core, asker: connection.peerName, peer: connection.tlsPeer,
            address: core.gate.block(of: connection.client))
        core.dialectWork(key: id.index, isBulk: false) {
            defer { core.dialectLoad.giveBack(isBulk: false) }
            let (removalCount, generation) = (core.removalCount, core.store.generation)
            let request = DialectRequest(head: head, body: DialectBody([]), parameters: match.parameters)
            match.attempt(at: desk) {
                let socket = try open(request, desk)
                let opening = DialectOpening(
                    socket: socket, viewers: try desk.viewers(of: socket),
                    removalCount: removalCount, generation: generation)
                core.post(.watching(id, opening), to: shard)
            } refused: {
                core.post(.answered(id, RESTAnswer($0)), to: shard)
            }
        }
    }

    func openWatch(_ connection: Connection, _ opening: DialectOpening) {
        guard connection.phase == .http, let http = connection.http, let head = http.request, let match = http.match
        else { return }
        // Its key may have been revoked meanwhile: it is looked up again.
        guard opening.removalCount == core.removalCount, opening.generation == core.store.generation else {
            return askSocket(connection, match, head)
        }
        guard !core.isDraining,
            let answer = try? Handshake.answer(to: head, compresses: core.configuration.compression.isOffered)
        else {
            return answerRequest(connection, RESTAnswer(match.dialect.answer(to: .shuttingDown)), isLast: true)
        }
        let socket = opening.socket
        guard countKey(connection, socket.account.key.prefix) else {
            let pause = Int.random(in: core.limits.reconnectMilliseconds)
            return answerRequest(connection, RESTAnswer(match.dialect.answer(to: .overloaded(retryAfterMs: pause))))
        }
        guard core.streams.take(socket.account.user.id) else {
            uncountKey(connection)
            core.count(.overloaded, connection.logMetadata)
            return answerRequest(connection, RESTAnswer(match.dialect.answer(to: .overloaded(retryAfterMs: 1_000))))
        }
        reply(connection) {
            ResponseWriter.appendHead(status: 101, fields: answer.fields, chunked: false, into: &$0)
        }
        let held = http.heldInput
        let watch = DialectWatch(opening, now: loop.now)
        openMachine(connection, answer.deflate, messageBytesMax: core.limits.socketMessageBytesMax)
        connection.watch = watch
        connection.phase = .watch
        guard enterRooms(connection, watch) else { return }
        if let greeting = socket.greeting { tell(connection, watch, [greeting]) }
        readHeads(connection.id, watch)
        listen(to: connection)
        var rest = held
        if !rest.isEmpty { rest.withUnsafeMutableBytes { readFrames(connection, $0) } }
    }

    /// In the rooms before the heads are read, so that what commits meanwhile is announced here.
    private func enterRooms(_ connection: Connection, _ watch: DialectWatch) -> Bool {
        for space in watch.viewers.keys {
            let room = rooms[space] ?? Room(of: watch.generation)
            guard room.generation == watch.generation else {
                endWatch(connection, code: .serviceRestart, reason: "the log began anew; connect again")
                return false
            }
            if rooms[space] == nil {
                rooms[space] = room
                core.feed.insert(shard: number, space: space, of: watch.generation)
            }
            room.watchers.append(connection.id)
        }
        return true
    }

    private func readHeads(_ id: ConnectionID, _ watch: DialectWatch) {
        let (core, shard, spaces) = (core, number, Array(watch.viewers.keys))
        core.read(key: id.index) {
            do throws(StoreError) {
                core.post(.headsRead(id, try core.store.heads(of: spaces)), to: shard)
            } catch {
                core.notices.tell(
                    .warning, "the heads of a socket's spaces could not be read", ["error": "\(error)"])
                core.post(.headsRead(id, nil), to: shard)
            }
        }
    }

    /// What lies before the heads is not told. Nil: the store is away, and the client is to come again.
    func takeHeads(_ connection: Connection, _ heads: [Identifier: Position]?) {
        guard connection.phase == .watch, let watch = connection.watch else { return }
        guard let heads else {
            return endWatch(connection, code: .tryAgainLater, reason: ErrorCode.storeUnavailable.sentence)
        }
        for space in watch.viewers.keys {
            let head = heads[space] ?? .start
            if watch.seen[space] == nil { watch.seen[space] = head }
            core.feed.wentLive(space, at: head)
        }
    }

    // MARK: Telling

    func tell(_ watchers: [ConnectionID], _ broadcast: Broadcast) {
        for id in watchers {
            guard let connection = connection(id), let watch = connection.watch,
                let notices = watch.notices(of: broadcast)
            else { continue }
            if watch.owed != nil || loop.outboxBytes(id) > core.limits.outboxBytesMax {
                watch.owe(notices, countMax: core.limits.noticesOwedMax)
            } else {
                tell(connection, watch, watch.socket.messages(notices))
            }
        }
    }

    /// It has caught up.
    func tellOwed(_ connection: Connection) {
        guard connection.phase == .watch, let watch = connection.watch, let owed = watch.owed else { return }
        watch.owed = nil
        tell(connection, watch, watch.socket.messages(owed))
    }

    private func tell(_ connection: Connection, _ watch: DialectWatch, _ messages: [[UInt8]]) {
        guard !messages.isEmpty else { return }
        watch.toldAt = loop.now
        write(connection) { machine, bytes in
            for message in messages { message.withUnsafeBytes { machine.appendMessage(.text, $0, into: &bytes) } }
        }
    }

    /// Says something where nothing was to be told for a while.
    func sweepWatch(_ connection: Connection) {
        guard connection.phase == .watch, let watch = connection.watch, let idle = watch.socket.idle,
            connection.pendingBytes == 0, seconds(since: watch.toldAt) >= idle.seconds
        else { return }
        tell(connection, watch, [idle.message])
    }

    // MARK: What the client says

    /// It has nothing to say but what its dialect answers; more than a few words a minute are none of a client.
    func heard(_ connection: Connection, _ text: UnsafeRawBufferPointer) {
        guard let watch = connection.watch else { return }
        if seconds(since: watch.countedSince) >= 60 { (watch.messageCount, watch.countedSince) = (0, loop.now) }
        watch.messageCount += 1
        guard watch.messageCount <= core.limits.socketMessagesPerMinuteMax else {
            core.count(.requestRate, connection.logMetadata)
            return endWatch(connection, code: .policyViolation, reason: "too many messages")
        }
        if let answer = watch.socket.reply?([UInt8](text)) { tell(connection, watch, [answer]) }
    }

    // MARK: The end

    /// The user came into the team or left it: who was in it with them may see more than before, or less.
    func endWatches(of user: Identifier, _ team: Identifier) {
        for case let connection? in connections {
            guard let watch = connection.watch else { continue }
            if watch.socket.account.user.id == user {
                refuse(
                    connection, ErrorFrame(code: .forbidden, message: "your memberships have changed; connect again"))
            } else if watch.viewers[team] != nil || watch.viewers[user] != nil {
                endWatch(connection, code: .serviceRestart, reason: "the team has changed; connect again")
            }
        }
    }

    /// A membership may have ended unheard: who is told of others' spaces comes again.
    func endSharedWatches() {
        for case let connection? in connections {
            guard let watch = connection.watch, watch.viewers.values.contains(where: { !$0.seesAll }) else { continue }
            endWatch(connection, code: .serviceRestart, reason: "the team may have changed; connect again")
        }
    }

    func endWatch(_ connection: Connection, code: CloseCode, reason: String) {
        end(connection, closeCode: code.rawValue, reason: reason)
    }

    /// Frees what it holds.
    func leaveWatch(_ connection: Connection) {
        guard let watch = connection.watch else { return }
        connection.watch = nil
        core.streams.giveBack(watch.socket.account.user.id)
        for space in watch.viewers.keys {
            guard let room = rooms[space] else { continue }
            room.watchers.removeAll { $0 == connection.id }
            guard room.isEmpty else { continue }
            rooms[space] = nil
            core.feed.remove(shard: number, space: space)
        }
    }
}

extension DialectDesk {
    /// As whom a socket's user sees each of its spaces.
    ///
    /// - Throws: ``DialectError/forbidden(_:)`` where one is none of theirs, or they are too many.
    func viewers(of socket: DialectSocket) throws -> [Identifier: Viewer] {
        let user = socket.account.user
        let spaces = Set(socket.spaces)
        guard !spaces.isEmpty, spaces.count <= core.limits.socketSpacesMax else {
            throw DialectError.forbidden("one socket tells of 1 to \(core.limits.socketSpacesMax) spaces")
        }
        var viewers: [Identifier: Viewer] = [:]
        if spaces.contains(user.space) { viewers[user.space] = Viewer(user: user.id, standing: .owner) }
        if viewers.count < spaces.count {
            for membership in try store.accounts.memberships(of: user.id) where spaces.contains(membership.teamID) {
                viewers[membership.teamID] = Viewer(user: user.id, standing: .member)
            }
        }
        if viewers.count < spaces.count {
            for teammate in try store.accounts.teammates(of: user.id) where spaces.contains(teammate) {
                viewers[teammate] = Viewer(user: user.id, standing: .guest)
            }
        }
        guard viewers.count == spaces.count else { throw DialectError.forbidden("a space is none of the user's") }
        return viewers
    }
}
