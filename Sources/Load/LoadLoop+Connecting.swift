internal import Causality
internal import Glibc
internal import HTTP
internal import Histogram
internal import Reactor
internal import WebSocket
internal import Wire

/// From nothing to a live subscription, and back again.
extension LoadLoop {
    func beginConnecting() {
        connectTickedAt = Monotonic.now
        for number in 0..<deviceCount { waiting.append(Int32(number)) }
        connectMore()
    }

    func enqueue(_ number: Int) {
        guard !isFinishing, number < deviceCount, devices[number].phase == .offline else { return }
        waiting.append(Int32(number))
        connectMore()
    }

    func connectMore() {
        if let rate = plan.connectsPerSecond {
            let now = Monotonic.now
            let share = rate / Double(share.count)
            connectBudget = min(connectBudget + share * Double(now - connectTickedAt) / 1e9, max(1, share / 50))
            connectTickedAt = now
        }
        while waitingIndex < waiting.count, connectingCount < LoadLimits.connectingMax {
            if plan.connectsPerSecond != nil {
                guard connectBudget >= 1 else { break }
                connectBudget -= 1
            }
            let number = Int(waiting[waitingIndex])
            waitingIndex += 1
            start(number)
        }
        if waitingIndex == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            waitingIndex = 0
        } else if plan.connectsPerSecond != nil {
            loop.schedule(after: .milliseconds(2), token: Token.connect)
        }
    }

    private func start(_ number: Int) {
        let device = devices + number
        guard device.pointee.phase == .offline else { return }
        device.pointee.phase = .connecting
        device.pointee.startedAt = Monotonic.now
        connectingCount += 1
        var options = ConnectOptions(source: source(), tls: plan.tls)
        if device.pointee.isSlow { options.receiveBufferBytes = LoadLimits.slowReceiveBytes }
        let id = loop.connect(to: plan.address, options: options)
        device.pointee.connection = id
        while owners.count <= id.index { owners.append(-1) }
        owners[id.index] = Int32(number)
    }

    /// One source address has some 28,000 ports; a second one is used long before they run out.
    private func source() -> SocketAddress? {
        let ports = Double(plan.deviceCount) + plan.churnPerSecond * LoadLimits.portRestSeconds
        let sources = Int(ports / Double(LoadLimits.connectionsPerSource)) + 1
        guard sources > 1, plan.address.hostText.hasPrefix("127.") else { return nil }
        connectionsMade += 1
        let turn = (connectionsMade &* share.count &+ share.number) % min(sources, 250)
        return .ipv4(127, 0, 0, UInt8(2 + turn), port: 0)
    }

    func device(of id: ConnectionID) -> Int? {
        guard id.index < owners.count, owners[id.index] >= 0 else { return nil }
        let number = Int(owners[id.index])
        return devices[number].connection == id ? number : nil
    }

    func connected(_ id: ConnectionID) {
        guard let number = device(of: id), devices[number].phase == .connecting else { return }
        let device = devices + number
        device.pointee.phase = .upgrading
        let nonce = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        let upgrade = Upgrade(key: Handshake.key(nonce: nonce))
        device.pointee.upgrade = upgrade
        var fields = [("Host", plan.tls.map { "\($0.host):\(plan.address.port)" } ?? plan.address.description)]
        let room = share.rooms[device.pointee.room]
        if plan.isRaw {
            fields += Handshake.requestFields(key: upgrade.key, deflate: deflateOffer)
        } else {
            fields += Handshake.requestFields(
                key: upgrade.key, subprotocols: [CarillonProtocol.subprotocol], deflate: deflateOffer)
            fields.append(("Authorization", "Bearer \(plan.keys[room])"))
        }
        var request: [UInt8] = []
        let target = plan.isRaw ? "/?room=\(room)" : "/v1/socket"
        RequestWriter.append(method: "GET", target: target, fields: fields, body: nil, into: &request)
        loop.send(id, request)
    }

    func readUpgrade(_ device: UnsafeMutablePointer<LoadDevice>, _ number: Int, _ bytes: UnsafeRawBufferPointer) {
        guard let upgrade = device.pointee.upgrade else { return }
        upgrade.parser.receive(bytes)
        do {
            while device.pointee.phase == .upgrading, let event = try upgrade.parser.next() {
                guard case .head(let head) = event else { continue }
                guard head.status == 101 else {
                    upgrade.status = head.status
                    return giveUp(number, "the hub answered \(head.status)", isFinal: head.status < 500)
                }
                let outcome = try Handshake.check(
                    head, key: upgrade.key, subprotocols: plan.isRaw ? [] : [CarillonProtocol.subprotocol],
                    deflate: deflateOffer)
                upgraded(device, number, outcome.deflate)
            }
        } catch {
            return giveUp(number, "the handshake failed: \(error)", isFinal: true)
        }
        guard device.pointee.upgrade === upgrade else { return }
        var rest = upgrade.parser.takeRemainder()
        device.pointee.upgrade = nil
        if !rest.isEmpty { rest.withUnsafeMutableBytes { readFrames(device, number, $0) } }
    }

    private var deflateOffer: DeflateOffer? { plan.compresses ? DeflateOffer() : nil }

    private func upgraded(
        _ device: UnsafeMutablePointer<LoadDevice>, _ number: Int, _ setting: PerMessageDeflate?
    ) {
        var limits = WebSocketLimits()
        // An answer with stored versions is larger than the push that it answers.
        limits.messageBytesMax = 64 << 20
        limits.frameBytesMax = 64 << 20
        device.pointee.machine = WebSocketMachine(
            role: .client, limits: limits, deflate: setting, shared: deflate, maskSeed: random.next())
        guard !plan.isRaw else { return becomeLive(device, number) }
        device.pointee.phase = .greeting
        let cursor = device.pointee.chain.count > 0 ? ",\"cursor\":\"\(device.pointee.chain.text)\"" : ""
        let name = Self.deviceName(room: share.rooms[device.pointee.room], seat: device.pointee.seat)
        send(device, text: "{\"type\":\"hello\",\"protocol\":1,\"device\":\"\(name)\"\(cursor)}")
    }

    /// Of one length for all, so that a change's place in a frame is the same for all.
    static func deviceName(room: Int, seat: Int) -> String {
        func padded(_ number: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, 6 - text.count)) + text
        }
        return "load-\(padded(room))-\(padded(seat))"
    }

    func welcomed(_ welcome: Welcome, _ device: UnsafeMutablePointer<LoadDevice>) {
        guard device.pointee.phase == .greeting else { return }
        device.pointee.phase = .catchingUp
        guard let index = device.pointee.publisher else { return }
        let publisher = publishers[index]
        publisher.replica = Array(welcome.replica.text.utf8)
        resendAll(publisher)
    }

    func becomeLive(_ device: UnsafeMutablePointer<LoadDevice>, _ number: Int) {
        device.pointee.phase = .live
        device.pointee.tries = 0
        connectingCount -= 1
        tally.counts.live += 1
        let waited = Monotonic.now - device.pointee.startedAt
        if device.pointee.hasBeenLive { tally.reconnect.record(waited) } else { tally.connect.record(waited) }
        device.pointee.hasBeenLive = true
        connectMore()
        if let index = device.pointee.publisher { sendMore(publishers[index]) }
    }

    // MARK: The end of a connection

    func closed(_ id: ConnectionID, _ reason: CloseReason) {
        guard let number = device(of: id) else { return }
        let device = devices + number
        device.pointee.connection = ConnectionID(raw: 0)
        device.pointee.upgrade = nil
        owners[id.index] = -1
        guard !isFinishing else { return }
        switch device.pointee.phase {
        case .offline, .failed: return
        case .leaving:
            device.pointee.phase = .offline
            enqueue(number)
        case .live:
            tally.counts.live -= 1
            tally.disconnects += 1
            tally.trouble = "a live connection ended: \(reason.sentence)"
            device.pointee.phase = .offline
            loop.schedule(after: .milliseconds(100), token: Token.again + UInt64(number))
        case .connecting, .upgrading, .greeting, .catchingUp:
            connectingCount -= 1
            retry(device, number, "a connection failed: \(reason.sentence)")
        }
    }

    /// - Parameter isFinal: trying again cannot help.
    func giveUp(_ number: Int, _ trouble: String, isFinal: Bool) {
        let device = devices + number
        let id = device.pointee.connection
        if id.raw != 0 {
            owners[id.index] = -1
            loop.close(id, afterFlush: false)
        }
        device.pointee.connection = ConnectionID(raw: 0)
        device.pointee.upgrade = nil
        switch device.pointee.phase {
        case .connecting, .upgrading, .greeting, .catchingUp: connectingCount -= 1
        case .live:
            tally.counts.live -= 1
            tally.disconnects += 1
        case .offline, .leaving, .failed: break
        }
        if isFinal { device.pointee.tries = LoadLimits.connectTriesMax }
        retry(device, number, trouble)
        connectMore()
    }

    private func retry(_ device: UnsafeMutablePointer<LoadDevice>, _ number: Int, _ trouble: String) {
        tally.trouble = trouble
        device.pointee.tries += 1
        guard device.pointee.tries < LoadLimits.connectTriesMax else {
            device.pointee.phase = .failed
            tally.counts.failed += 1
            return
        }
        device.pointee.phase = .offline
        loop.schedule(after: .milliseconds(200 * device.pointee.tries), token: Token.again + UInt64(number))
    }

    /// Gives up connections that do not get anywhere.
    func sweep() {
        guard !isFinishing else { return }
        loop.schedule(after: .seconds(1), token: Token.sweep)
        let now = Monotonic.now
        for number in 0..<deviceCount {
            switch devices[number].phase {
            case .connecting, .upgrading, .greeting, .catchingUp:
                let waited = Double(now - min(now, devices[number].startedAt)) / 1e9
                if waited > LoadLimits.connectSeconds {
                    giveUp(number, "no welcome in \(Int(LoadLimits.connectSeconds)) seconds", isFinal: false)
                }
            case .offline, .live, .leaving, .failed: break
            }
        }
    }

    // MARK: Churn

    func churn() {
        guard !isFinishing, isSending else { return }
        scheduleChurn()
        for _ in 0..<deviceCount {
            churnIndex = (churnIndex + 1) % deviceCount
            let device = devices + churnIndex
            // Without a cursor it could not take up where it was.
            guard device.pointee.phase == .live, plan.isRaw || device.pointee.chain.count > 0 else { continue }
            tally.counts.live -= 1
            tally.churned += 1
            let id = device.pointee.connection
            device.pointee.phase = .leaving
            // By turns as a program ends, and as a network does.
            if tally.churned % 2 == 0 { sayGoodbye(device) } else { loop.close(id, afterFlush: false) }
            return
        }
    }

    func scheduleChurn() {
        let share = plan.churnPerSecond / Double(share.count)
        guard share > 0 else { return }
        loop.schedule(after: .nanoseconds(Int64(1e9 / share)), token: Token.churn)
    }

    func sayGoodbye(_ device: UnsafeMutablePointer<LoadDevice>) {
        if !plan.isRaw { send(device, text: "{\"type\":\"bye\"}") }
        scratch.removeAll(keepingCapacity: true)
        device.pointee.machine.appendClose(.normal, into: &scratch)
        loop.send(device.pointee.connection, scratch)
        loop.close(device.pointee.connection, afterFlush: true)
    }
}

extension CloseReason {
    fileprivate var sentence: String {
        switch self {
        case .peerClosed: "the hub closed it"
        case .local: "it was closed on our side"
        case .failed(let code): String(cString: strerror(code)).lowercased()
        case .outboxFull: "the hub takes what we send too slowly"
        case .tls(let error): error.sentence
        }
    }
}
