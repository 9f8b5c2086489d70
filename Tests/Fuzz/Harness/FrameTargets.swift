internal import Causality
internal import Storage
internal import Wire

/// Bounds that inputs of a few hundred bytes reach.
private let smallLimits = WireLimits(
    frameBytesMax: 2048, bodyBytesMax: 32, changesPerPushMax: 3, filtersMax: 2, clockEntriesMax: 3,
    frameIDBytesMax: 8, embeddingCountMax: 4, supersedesMax: 2)

/// A device's frames: what is read is written and read as it was; what a change holds is within the bounds.
func clientFrames(_ bytes: UnsafeRawBufferPointer) {
    let input = Array(bytes)
    for limits in [WireLimits.standard, smallLimits] {
        if let frame = decoded(input, limits) { checkStable(frame, limits) }
        if let push = try? PushBody.decode(input, limits: limits) { for item in push.items { check(item, limits) } }
        let item = PushBody.decodeChange(line: input, limits: limits)
        check(item, limits)
        if case .change = item, case .rejected(let told) = PushBody.check(line: input, kind: nil, limits: limits) {
            require(false, "a change by one reader and not by the other: \(told)")
        }
    }
}

private func decoded(_ input: [UInt8], _ limits: WireLimits) -> ClientFrame? {
    do throws(FrameError) {
        return try ClientFrame.decode(input, limits: limits, writer: "w.1")
    } catch {
        require(!error.message.isEmpty, "an error without a sentence")
        require(error.message.utf8.count < 1024, "an error of \(error.message.utf8.count) bytes")
        return nil
    }
}

private func checkStable(_ frame: ClientFrame, _ limits: WireLimits) {
    var expected = frame
    switch frame {
    case .push(var push):
        for item in push.items { check(item, limits) }
        require(push.items.count <= limits.changesPerPushMax, "\(push.items.count) items")
        push.items.removeAll { if case .rejected = $0 { true } else { false } }
        expected = .push(push)
    case .resolve(let push):
        if push.hasRejections { return }
        for item in push.items { check(item, limits) }
    case .hello, .ack, .ping, .bye: break
    }
    var written: [UInt8] = []
    expected.encode(into: &written)
    // Ours may be longer than what came: a hash is written out, escapes differ.
    var wide = limits
    wide.frameBytesMax = .max
    guard let again = decoded(written, wide) else {
        return require(false, "written and refused: \(String(decoding: written, as: UTF8.self))")
    }
    require(again == expected, "read \(again)\nwritten \(expected)")
}

private func check(_ item: PushItem, _ limits: WireLimits) {
    switch item {
    case .rejected(let told): require(!told.message.isEmpty, "a rejection without a sentence")
    case .change(let change):
        require(change.body.count <= limits.bodyBytesMax, "a body of \(change.body.count) bytes")
        require(change.clock.entries.count <= limits.clockEntriesMax, "\(change.clock.entries.count) replicas")
        require(change.clock.isWithinLimits, "a clock over the limits")
        require(change.supersedes.count <= limits.supersedesMax, "\(change.supersedes.count) clocks")
        for name in [change.kind, change.id] {
            require((try? Identifier(name.text)) == name, "\(name) is no identifier")
            require(name.text.utf8.count <= Identifier.bytesMax, "\(name) is too long")
        }
        if change.body.isEmpty { return }
        let isJSON = Array(change.body).withUnsafeBytes { (try? JSONScanner.validate($0)) == 0..<$0.count }
        require(isJSON, "a body that is not one JSON value")
    }
}

/// The hub's frames, as a client reads them.
func hubFrames(_ bytes: UnsafeRawBufferPointer) {
    guard let frame = try? HubFrame.decode(Array(bytes)) else { return }
    var written: [UInt8] = []
    frame.encode(into: &written)
    do throws(FrameError) {
        // Written bytes and not frames are compared: what a later hub says (a reason that we do not know, with its
        // detail) is read as something plainer, and written so.
        var again: [UInt8] = []
        try HubFrame.decode(written).encode(into: &again)
        require(
            again == written,
            "read \(String(decoding: again, as: UTF8.self))\nwritten \(String(decoding: written, as: UTF8.self))")
    } catch {
        require(false, "written and refused: \(error) \(String(decoding: written, as: UTF8.self))")
    }
}

/// The hub's half of a session, fed with lines: a line that begins with "!" is an event, any other a message.
func session(_ bytes: UnsafeRawBufferPointer) {
    let limits = WireLimits(pushesInFlightMax: 3)
    var session = HubSession(limits: limits)
    for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 256) {
        let before = session.phase
        if line.first == UInt8(ascii: "!"), let event = line.dropFirst().first {
            happen(event, &session)
        } else {
            receive(Array(line), &session)
        }
        require(before != .closing || session.phase == .closing, "it lives again as \(session.phase)")
        require(session.pushesInFlight <= limits.pushesInFlightMax, "\(session.pushesInFlight) pushes in flight")
        require(session.phase != .closing || !session.wantsInput, "it reads on after its end")
        if session.pushesInFlight == limits.pushesInFlightMax { require(!session.wantsInput, "full, and it reads") }
    }
    session.disconnected()
    require(session.receive(.bye) == .none && !session.holdsFrames, "it answers a socket that is gone")
}

private func receive(_ line: [UInt8], _ session: inout HubSession) {
    let before = session.phase
    let inFlight = session.pushesInFlight
    let action: HubSession.Action
    do throws(FrameError) {
        action = session.receive(try ClientFrame.decode(line))
    } catch {
        action = session.receive(error)
    }
    switch action {
    case .submit:
        require(before == .catchingUp || before == .live, "a push is taken in \(before)")
        require(session.pushesInFlight == inFlight + 1, "a push is not counted")
    case .close, .finish: require(session.phase == .closing, "closed, and \(session.phase)")
    case .authenticate: require(before == .awaitingHello, "a hello is taken in \(before)")
    case .acknowledge, .pong: require(before == .catchingUp || before == .live, "answered in \(before)")
    case .none: require(before == .closing || before == .authenticating, "nothing is said in \(before)")
    case .reply: require(before != .closing, "an error after the end")
    }
}

private func happen(_ event: UInt8, _ session: inout HubSession) {
    switch event {
    case UInt8(ascii: "a"), UInt8(ascii: "A"):
        switch session.authenticated(live: event == UInt8(ascii: "a")) {
        case .catchUp(let held), .pushOnly(let held):
            require(held.count <= HubSession.framesHeldMax, "\(held.count) frames were held")
            for frame in held { _ = session.receive(frame) }
        case .ended: break
        }
    case UInt8(ascii: "r"): _ = session.refused(.unauthorized)
    case UInt8(ascii: "c"): _ = session.caughtUp()
    case UInt8(ascii: "f"): _ = session.fellBehind()
    case UInt8(ascii: "n"): _ = session.answered()
    case UInt8(ascii: "t"): _ = session.helloTimedOut()
    case UInt8(ascii: "d"): _ = session.draining(reconnectAfterMs: 5)
    default: break
    }
}
