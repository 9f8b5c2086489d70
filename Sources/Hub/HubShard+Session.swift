internal import Causality
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// WebSocket messages in, what the session machine says out.
extension HubShard {
    func readFrames(_ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer) {
        guard connection.unread.isEmpty else {
            // It had been deciphered when reading was paused.
            connection.unread += bytes
            return
        }
        connection.machine?.receive(bytes)
        var isProgress = false
        var workBytes = 0
        while connection.phase != .ending, let event = connection.machine?.next() {
            isProgress = isProgress || event.isMessage
            workBytes += max(event.payloadBytes, core.limits.messageWorkBytesMin)
            take(event, connection)
            if workBytes >= core.limits.messageBytesPerTurnMax {
                leaveUnread(connection)
                break
            }
        }
        noteUnfinished(connection, bytes.count, isProgress: isProgress)
        notePartial(connection)
        // The machine has taken in all that came; what follows stays in the kernel until there is room.
        if connection.phase == .session,
            !connection.session.wantsInput || connection.isHeldBack || connection.isOverRate
        {
            loop.pauseReading(connection.id)
        }
    }

    private func take(_ event: WebSocketEvent, _ connection: Connection) {
        switch event {
        case .text(let payload) where connection.phase == .echo:
            write(connection) { $0.appendMessage(.text, payload, into: &$1) }
        case .binary(let payload) where connection.phase == .echo:
            write(connection) { $0.appendMessage(.binary, payload, into: &$1) }
        case .text(let payload) where connection.phase == .watch:
            heard(connection, payload)
        case .binary(let payload) where connection.phase == .watch:
            heard(connection, payload)
        case .text(let payload):
            readFrame(connection, [UInt8](payload))
        case .binary:
            core.count(.badFrame, connection.logMetadata)
            end(connection, closeCode: CloseCode.unsupportedData.rawValue, reason: "frames are text")
        case .ping(let payload):
            write(connection) { $0.appendPong(payload, into: &$1) }
        case .pong:
            break
        case .close(let code, _):
            end(connection, closeCode: code?.rawValue, reason: "")
        case .failed(let code, let reason):
            if reason == WebSocketMachine.inflatedTooLarge {
                core.count(.inflatedTooLarge, connection.logMetadata)
            } else {
                core.count(code == .messageTooBig ? .messageTooLarge : .badFrame, connection.logMetadata)
            }
            end(connection, closeCode: code.rawValue, reason: reason)
        }
    }

    private func readFrame(_ connection: Connection, _ bytes: [UInt8]) {
        connection.messageBytes = bytes.count
        connection.frameCount &+= 1
        let action: HubSession.Action
        do throws(FrameError) {
            let frame = try ClientFrame.decode(
                bytes, limits: core.wireLimits, writer: connection.member?.device.replica ?? "")
            figures.count(ShardFigures.Received(frame))
            action = connection.session.receive(frame)
        } catch {
            figures.count(.invalid)
            action = connection.session.receive(error)
            if case .close = action { core.count(.badFrame, connection.logMetadata) }
        }
        // A push costs what it brings, in `submit`.
        if case .submit = action {} else { spend(1, connection) }
        act(connection, action)
    }

    func act(_ connection: Connection, _ action: HubSession.Action) {
        switch action {
        case .none: break
        case .authenticate(let hello): authenticate(connection, hello)
        case .submit(let push): submit(connection, push)
        case .acknowledge(let cursor): acknowledge(connection, cursor)
        case .pong(let id): send(connection, .pong(id: id))
        case .reply(let error): send(connection, .error(error))
        case .close(let error):
            send(connection, .error(error))
            end(connection, closeCode: error.code.closeCode, reason: error.message)
        case .finish: end(connection, closeCode: CloseCode.normal.rawValue, reason: "")
        }
    }

    // MARK: Hello

    private func authenticate(_ connection: Connection, _ hello: Hello) {
        connection.greeting?.hello = hello
        let (id, shard, core) = (connection.id, number, core)
        let credentials = core.credentials(connection.greeting?.headerKey, connection.tlsPeer)
        let connectionNumber = connection.number
        core.read(key: id.index) {
            do throws(ErrorFrameError) {
                let removalCount = core.removalCount
                let member = try Authenticator(store: core.store).admit(hello, credentials)
                let admission = Admission(
                    member: member, removalCount: removalCount, connectionNumber: connectionNumber)
                core.post(.admitted(id, admission), to: shard)
            } catch {
                core.post(.refused(id, error.frame), to: shard)
            }
        }
    }

    /// Ends a session, or an answer that goes on, with an error.
    func refuse(_ connection: Connection, _ error: ErrorFrame) {
        if error.code == .unauthorized { core.count(.unauthorized, connection.logMetadata) }
        if connection.phase == .stream { return refuseStream(connection, error) }
        if connection.phase == .watch {
            return end(connection, closeCode: error.code.closeCode, reason: error.message)
        }
        act(
            connection,
            connection.session.refused(error.code, message: error.message, retryAfterMs: error.retryAfterMs))
    }

    /// Sends a connection to the home shard of its space, where the other devices' are; false where it stays.
    ///
    /// Only between two messages, so that nothing but the hello has to go with it: what the device has sent since is
    /// still in the kernel. A device that sent more with its hello stays, and is as well served.
    func moveHome(_ connection: Connection, _ admission: Admission) -> Bool {
        let user = admission.member.user
        let home = core.home(of: admission.member.access.space)
        guard home != number, !core.isDraining, let greeting = connection.greeting, var hello = greeting.hello,
            connection.machine?.isBetweenMessages == true, !connection.session.holdsFrames,
            connection.unread.isEmpty,
            core.directory.seatCount(of: user.id) < core.limits.homeDevicesMax, core.hasRoom(shard: home),
            let socket = detach(connection)
        else { return false }
        hello.key = greeting.headerKey ?? hello.key
        var admission = admission
        admission.client = connection.client
        core.post(.moved(socket, hello, admission, connection.machine?.deflate), to: home)
        return true
    }

    func takeIn(
        _ socket: AcceptedSocket, _ hello: Hello, _ admission: Admission, _ setting: PerMessageDeflate?
    ) {
        // It said its farewells already: the device comes back to another hub.
        guard !core.isDraining else {
            core.gate.leave(admission.client ?? socket.peer.unmapped)
            return socket.close()
        }
        let connection = adopt(socket, client: admission.client)
        // It is the same one to whoever reads the log.
        connection.number = admission.connectionNumber
        connection.frameCount = 1
        openSocket(connection, headerKey: nil, setting: setting)
        connection.greeting?.hello = hello
        _ = connection.session.receive(.hello(hello))
        admit(connection, admission)
    }

    func admit(_ connection: Connection, _ admission: Admission) {
        guard connection.phase == .session, let hello = connection.greeting?.hello else { return }
        let isOfThisLife = admission.member.generation == core.store.generation
        guard isOfThisLife, admission.removalCount == core.removalCount else {
            return authenticate(connection, hello)
        }
        let member = admission.member
        guard countKey(connection, member.keyPrefix) else { return refuse(connection, keyIsFull) }
        connection.member = member
        connection.greeting = nil
        connection.machine?.limits.messageBytesMax = core.wireLimits.frameBytesMax
        connection.machine?.limits.frameBytesMax = core.wireLimits.frameBytesMax
        let held: [ClientFrame]
        switch connection.session.authenticated(live: hello.live) {
        case .ended: return
        case .pushOnly(let frames):
            noteCome(connection)
            logSession(connection, live: false)
            welcome(connection, member)
            held = frames
        case .catchUp(let frames):
            noteCome(connection)
            logSession(connection, live: true)
            welcome(connection, member)
            subscribe(connection, member, hello)
            held = frames
        }
        for frame in held where connection.phase == .session { act(connection, connection.session.receive(frame)) }
        if connection.phase == .session { listen(to: connection) }
    }

    private func welcome(_ connection: Connection, _ member: Member) {
        let cursor = Cursor(
            generation: member.generation, space: member.access.space, position: member.head)
        send(
            connection,
            .welcome(
                Welcome(
                    session: "\(number).\(connection.id.raw)", serverTime: WallClock.now.microseconds,
                    user: member.user.name.text, device: member.device.id, replica: member.device.replica,
                    space: member.access.name,
                    generation: member.generation.text, limits: core.wireLimits, cursor: cursor)))
    }

    // MARK: Pushes

    private func submit(_ connection: Connection, _ push: Push) {
        guard let member = connection.member else { return }
        connection.pushCount &+= 1
        spend(max(1, push.items.count), connection)
        let (id, shard, core) = (connection.id, number, core)
        PushDesk(core: core, asker: connection.peerName, shard: number).take(
            PushDesk.Written(push), messageBytes: connection.messageBytes, from: member.user, member.device,
            to: member.access
        ) { answer in
            core.post(.pushed(id, answer), to: shard)
        }
        // Whatever became of it, its answer comes as mail, and so after this.
        if core.isCrowded(member.access.space) { connection.isHeldBack = true }
    }

    func answerPush(_ connection: Connection, _ answer: PushAnswer) {
        guard connection.phase == .session else { return }
        switch answer {
        case .pushed(let pushed): send(connection, .pushed(pushed))
        case .failed(let error): send(connection, .error(error))
        }
        let mayListen = connection.session.answered()
        guard connection.isHeldBack else {
            if mayListen { listen(to: connection) }
            return
        }
        // With none in flight no answer would come to let it go on: then it adds one more, whoever fills the lane.
        let space = connection.member?.access.space ?? ""
        guard connection.session.pushesInFlight == 0 || !core.isCrowded(space) else { return }
        connection.isHeldBack = false
        listen(to: connection)
    }

    // MARK: Writing

    func send(_ connection: Connection, _ frame: HubFrame) {
        var payload: [UInt8] = []
        frame.encode(into: &payload)
        figures.count(ShardFigures.Sent(frame))
        write(connection) { $0.appendMessage(.text, payload, into: &$1) }
    }

    func write(_ connection: Connection, _ body: (inout WebSocketMachine, inout [UInt8]) -> Void) {
        scratch.removeAll(keepingCapacity: true)
        connection.write(body, into: &scratch)
        if !scratch.isEmpty { loop.send(connection.id, scratch) }
        trimScratch()
    }

    /// Sends a close frame as the last thing, and ends the connection when it is out.
    func end(_ connection: Connection, closeCode: UInt16?, reason: String) {
        guard connection.phase != .ending else { return }
        connection.ending = "close \(closeCode.map(String.init) ?? "")\(reason.isEmpty ? "" : " ")\(reason)"
        write(connection) { $0.appendClose(closeCode.map { CloseCode(rawValue: $0) }, reason: reason, into: &$1) }
        connection.phase = .ending
        connection.session.disconnected()
        noteGone(connection)
        leaveRoom(connection)
        leaveWatch(connection)
        loop.close(connection.id, afterFlush: true)
    }
}
