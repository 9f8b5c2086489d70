internal import Histogram
internal import Reactor
internal import WebSocket
internal import Wire

/// Where a change's body was found last time: frames of one run are alike, so it mostly is there again.
struct StampHints {
    /// From the end of a frame's head to the first body, and from a body's end to the next body.
    var first = 0
    var next = 0
}

/// What the hub says.
extension LoadLoop {
    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard let number = device(of: id) else { return }
        let device = devices + number
        arrivedAt = Monotonic.now
        isInWindow = arrivedAt >= measureFrom && arrivedAt < measureTo
        switch device.pointee.phase {
        case .upgrading: readUpgrade(device, number, UnsafeRawBufferPointer(bytes))
        case .greeting, .catchingUp, .live: readFrames(device, number, bytes)
        case .offline, .connecting, .leaving, .failed: return
        }
        if device.pointee.isSlow, isSending, device.pointee.phase == .live {
            loop.pauseReading(id)
            pausedSlow.append(Int32(number))
        }
    }

    func resumeSlow() {
        for number in pausedSlow where devices[Int(number)].connection.raw != 0 {
            loop.resumeReading(devices[Int(number)].connection)
        }
        pausedSlow.removeAll(keepingCapacity: true)
        if isSending {
            loop.schedule(after: .milliseconds(LoadLimits.slowReadMilliseconds), token: Token.slowRead)
        }
    }

    func readFrames(
        _ device: UnsafeMutablePointer<LoadDevice>, _ number: Int, _ bytes: UnsafeMutableRawBufferPointer
    ) {
        let id = device.pointee.connection
        device.pointee.machine.receive(bytes)
        while let event = device.pointee.machine.next() {
            switch event {
            case .text(let payload): read(payload, device, number)
            case .ping(let payload):
                scratch.removeAll(keepingCapacity: true)
                device.pointee.machine.appendPong(payload, into: &scratch)
                loop.send(id, scratch)
            case .pong: break
            case .binary: tally.faults.unreadable += 1
            case .close(let code, let reason):
                let number16 = code.map { String($0.rawValue) } ?? "none"
                giveUp(number, "the hub closed with \(number16) \(reason)", isFinal: false)
            case .failed(_, let reason):
                tally.faults.unreadable += 1
                giveUp(number, "the hub broke the WebSocket protocol: \(reason)", isFinal: false)
            }
            guard device.pointee.connection == id else { return }
        }
    }

    private func read(_ payload: UnsafeRawBufferPointer, _ device: UnsafeMutablePointer<LoadDevice>, _ number: Int) {
        guard let base = payload.baseAddress else { return }
        let count = payload.count
        if plan.isRaw { return readRaw(base, count, device) }
        guard count > 24, Scan.isWord(Scan.word("{\"type\":"), base, at: 0, end: count) else {
            return readSlowly(payload, device, number)
        }
        switch base.loadUnaligned(fromByteOffset: 9, as: UInt64.self) {
        case Scan.word("changes\""), Scan.word("conflict"): readChanges(base, count, device)
        case Scan.word("pushed\","): readPushed(payload, base, device, number)
        case Scan.word("synced\","):
            follow(base, count, device)
            if device.pointee.phase == .catchingUp { becomeLive(device, number) }
        default: readSlowly(payload, device, number)
        }
    }

    // MARK: Deliveries

    @discardableResult
    private func follow(_ base: UnsafeRawPointer, _ count: Int, _ device: UnsafeMutablePointer<LoadDevice>) -> Int {
        guard let link = Link(base, count: count) else {
            tally.faults.unreadable += 1
            return 0
        }
        if !device.pointee.chain.goesOn(at: link.after) { tally.faults.chainGaps += 1 }
        device.pointee.chain.move(to: link.upTo)
        return link.end
    }

    private func readChanges(_ base: UnsafeRawPointer, _ count: Int, _ device: UnsafeMutablePointer<LoadDevice>) {
        var place = follow(base, count, device)
        guard place > 0 else { return }
        if isInWindow { tally.counts.measuredFrames += 1 }
        tally.counts.deliveryFrames += 1
        var isFirst = true
        while true {
            let guess = place &+ (isFirst ? hints.first : hints.next)
            let start: Int
            if Scan.isWord(Stamp.mark, base, at: guess, end: count) {
                start = guess
            } else {
                guard let found = Scan.find(Stamp.mark, base, from: place, end: count) else { return }
                start = found
                if isFirst { hints.first = found - place } else { hints.next = found - place }
            }
            isFirst = false
            // A body of another run may have another length, and is none of ours.
            guard start + Stamp.bodyBytesMin <= count else { return }
            guard let stamp = Stamp(base + start), stamp.run == share.run, start + plan.bodyBytes <= count else {
                place = start + 8
                continue
            }
            place = start + plan.bodyBytes
            // Cut off or run into another, a body does not end as it was written.
            if !Stamp.isEnd(base + place) { tally.faults.unreadable += 1 }
            checkPosition(base, &place, count, device)
            arrived(stamp, device)
        }
    }

    private func checkPosition(
        _ base: UnsafeRawPointer, _ place: inout Int, _ count: Int, _ device: UnsafeMutablePointer<LoadDevice>
    ) {
        let word = Scan.word("\"positio")
        let found =
            Scan.isWord(word, base, at: place &+ 1, end: count)
            ? place &+ 1 : Scan.find(word, base, from: place, end: count)
        guard let found, let (position, end) = Scan.number(base, from: found + 11, end: count) else {
            tally.faults.unreadable += 1
            return
        }
        place = end
        if position <= device.pointee.lastPosition { tally.faults.outOfOrder += 1 }
        device.pointee.lastPosition = position
    }

    private func readRaw(_ base: UnsafeRawPointer, _ count: Int, _ device: UnsafeMutablePointer<LoadDevice>) {
        guard count == plan.bodyBytes, Scan.isWord(Stamp.mark, base, at: 0, end: count), let stamp = Stamp(base),
            stamp.run == share.run, Stamp.isEnd(base + count)
        else {
            tally.faults.unreadable += 1
            return
        }
        if isInWindow { tally.counts.measuredFrames += 1 }
        tally.counts.deliveryFrames += 1
        arrived(stamp, device)
    }

    private func arrived(_ stamp: Stamp, _ device: UnsafeMutablePointer<LoadDevice>) {
        let publishersPerUser = plan.publishersPerUser
        let (globalRoom, place) = stamp.publisher.quotientAndRemainder(dividingBy: max(1, publishersPerUser))
        let room = device.pointee.room
        guard globalRoom == room &* share.count &+ share.number, publishersPerUser > 0 else {
            tally.faults.strayed += 1
            return
        }
        // Its own change, come back.
        if place == device.pointee.seat {
            tally.faults.duplicate += 1
            return
        }
        switch ledger.arrived(stamp.sequence, room: room, receiver: device.pointee.seat, publisher: place) {
        case .next: break
        case .duplicate:
            tally.faults.duplicate += 1
            return
        case .outOfOrder: tally.faults.outOfOrder += 1
        }
        tally.counts.deliveries += 1
        tally.lastDelivery = arrivedAt
        if isInWindow { tally.counts.measuredDeliveries += 1 }
        let intended = stamp.intended &+ share.epoch
        // What a device reads late because it was slow or away says nothing about the hub's delay.
        if device.pointee.phase == .live, !device.pointee.isSlow, intended >= measureFrom, intended < measureTo {
            tally.delivery.record(arrivedAt &- min(arrivedAt, intended))
        }
        if plan.isRaw { rawArrived(room, place) }
    }

    /// A raw message that all the others have is done.
    private func rawArrived(_ room: Int, _ place: Int) {
        let publisher = publishers[room * plan.publishersPerUser + place]
        publisher.copiesArrived += 1
        let copies = plan.devicesPerUser - 1
        guard copies > 0, publisher.copiesArrived % copies == 0 else { return }
        tally.counts.pushesAnswered += 1
        tally.lastAnswer = arrivedAt
        if isInWindow { tally.counts.measuredPushes += 1 }
        guard !publisher.flights.isEmpty else { return }
        let flight = publisher.flights.removeFirst()
        if flight.intended >= measureFrom, flight.intended < measureTo {
            tally.commit.record(arrivedAt &- min(arrivedAt, flight.intended))
        }
        sendMore(publisher)
    }

    // MARK: Answers

    private func readPushed(
        _ payload: UnsafeRawBufferPointer, _ base: UnsafeRawPointer, _ device: UnsafeMutablePointer<LoadDevice>,
        _ number: Int
    ) {
        let count = payload.count
        // {"type":"pushed","id":"
        guard let index = device.pointee.publisher, count > 40,
            Scan.isWord(Scan.word("d\",\"id\":"), base, at: 14, end: count), let push = Hex.read(base + 23, digits: 8)
        else { return readSlowly(payload, device, number) }
        let verdict = Scan.word("\"verdict")
        var accepted = 0
        var refused: [Int] = []
        var place = 31
        for item in 0..<plan.changesPerPush {
            guard let found = Scan.find(verdict, base, from: place, end: count), found + 12 < count else {
                return readSlowly(payload, device, number)
            }
            switch base.load(fromByteOffset: found + 11, as: UInt8.self) {
            case UInt8(ascii: "a"), UInt8(ascii: "d"): accepted += 1
            default: refused.append(item)
            }
            place = found + 12
        }
        answered(UInt32(truncatingIfNeeded: push), publishers[index], accepted: accepted, refused: refused)
    }

    /// A welcome, an error, a goodbye, or a frame in a form that is not the hub's own of today.
    private func readSlowly(
        _ payload: UnsafeRawBufferPointer, _ device: UnsafeMutablePointer<LoadDevice>, _ number: Int
    ) {
        let frame: HubFrame
        do throws(FrameError) {
            frame = try HubFrame.decode([UInt8](payload))
        } catch {
            tally.faults.unreadable += 1
            tally.trouble = error.message
            return
        }
        switch frame {
        case .welcome(let welcome): welcomed(welcome, device)
        case .pushed(let answer): readPushed(answer, device)
        case .error(let error): readError(error, device, number)
        case .bye(let bye): giveUp(number, "the hub said bye: \(bye.reason.rawValue)", isFinal: false)
        case .pong: break
        case .changes, .conflict, .synced: tally.faults.unreadable += 1
        }
    }

    private func readPushed(_ answer: Pushed, _ device: UnsafeMutablePointer<LoadDevice>) {
        guard let index = device.pointee.publisher, let push = UInt32(answer.id, radix: 16) else { return }
        let refused = answer.items.indices.filter {
            answer.items[$0].verdict != .accepted && answer.items[$0].verdict != .duplicate
        }
        answered(push, publishers[index], accepted: answer.items.count - refused.count, refused: refused)
    }

    private func readError(_ error: ErrorFrame, _ device: UnsafeMutablePointer<LoadDevice>, _ number: Int) {
        tally.trouble = "\(error.code.rawValue): \(error.message)"
        if let text = error.pushID, let push = UInt32(text, radix: 16), let index = device.pointee.publisher {
            let publisher = publishers[index]
            if error.code.isRetryable {
                return deferPush(push, publisher, index: index, milliseconds: error.retryAfterMs ?? 100)
            }
            answered(push, publisher, accepted: 0, refused: Array(0..<plan.changesPerPush))
        }
        if error.isFatal { giveUp(number, tally.trouble, isFinal: !error.code.isRetryable) }
    }
}
