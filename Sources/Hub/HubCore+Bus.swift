internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// What the hub does from time to time, and what it hears of the others.
struct Pulse: Sendable {
    var isConnected = false
    var isPolling = false
    /// All followed spaces are to be looked at, whatever the bus says.
    var owesAll = false
    /// The stripe of followed spaces that the next poll begins with.
    var stripe = 0
    var count = 0
    var presenceNotedAt = WallClock.uptime
    /// Sessions that began while the bus was away, which the others have not heard of.
    var untold: [BusLine.Seated] = []
}

extension HubCore {
    /// Sessions kept to be told when the bus is back. Past it a device may have two for a while, which costs memory only.
    private static let untoldMax = 10_000
    /// Pulses from one telling of all streams to the next: some two seconds.
    private static let streamsEvery = 3

    /// Whether others write to the store.
    var isShared: Bool { announcer.bus != nil || configuration.isShared }

    /// Once the shards are there.
    func begin() {
        markRevocations()
        announcer.bus?.start { [weak self] event in self?.hear(event) }
    }

    func end() {
        announcer.post(.stopped)
        announcer.bus?.stop()
        feed.close()
    }

    // MARK: From time to time

    /// Every ``HubLimits/pollMilliseconds``, from the first shard's timer.
    func beat() {
        notePresenceWhenDue()
        announceOwed()
        guard isShared else { return streams.keepToItself() }
        let tellsAll = pulse.withLock { pulse in
            pulse.count += 1
            return pulse.count.isMultiple(of: HubCore.streamsEvery)
        }
        if tellsAll { streams.forgetTheSilent() }
        let counts = streams.toTell(all: tellsAll)
        if !counts.isEmpty { announcer.post(.streams(counts)) }
        poll()
    }

    /// Looks for what others have written: at some spaces while the bus is connected and tells, else at all.
    func poll(all: Bool = false) {
        let begins = pulse.withLock { pulse in
            if all { pulse.owesAll = true }
            defer { pulse.isPolling = true }
            return !pulse.isPolling
        }
        guard begins else { return }
        read(key: 1) { [self] in
            defer { pulse.withLock { $0.isPolling = false } }
            announcer.lookAtLife()
            metrics.withLock { $0.polls += 1 }
            let (isOneSlice, first, owesAll) = pulse.withLock { pulse in
                defer { pulse.owesAll = false }
                return (pulse.isConnected && !pulse.owesAll, pulse.stripe, pulse.owesAll)
            }
            do throws(StoreError) {
                var stripe: Int? = isOneSlice ? first : 0
                while let from = stripe {
                    let (spaces, next) = feed.spaces(from: from, countMax: isOneSlice ? SpaceHeads.spacesMax : .max)
                    if !spaces.isEmpty { try lookAtHeads(spaces) }
                    pulse.withLock { $0.stripe = next ?? 0 }
                    stripe = isOneSlice ? nil : next
                }
            } catch {
                log.warning("the heads of spaces could not be read: \(error)")
                if owesAll { pulse.withLock { $0.owesAll = true } }
            }
        }
    }

    private func lookAtHeads(_ spaces: [Identifier]) throws(StoreError) {
        var rest = spaces[...]
        while !rest.isEmpty {
            let slice = Array(rest.prefix(SpaceHeads.spacesMax))
            rest = rest.dropFirst(slice.count)
            let heads = try store.heads(of: slice)
            for (space, head) in heads { feed.hear(space, upTo: head) }
            if let newest = heads.values.max() { announcer.lookAtClock(newest) }
        }
    }

    private func notePresenceWhenDue() {
        let now = WallClock.uptime
        let isDue = pulse.withLock { pulse in
            // A little less, so that a timer that is early by a moment does not put it off by a whole turn.
            let pause = UInt64(max(limits.presenceSeconds, 0)) * 1_000_000_000
            guard now - pulse.presenceNotedAt >= pause - min(pause, 300_000_000) else { return false }
            pulse.presenceNotedAt = now
            return true
        }
        if isDue { notePresence() }
    }

    /// Tells the store who has come and gone.
    func notePresence() {
        let parts = presence.begin()
        guard !parts.isEmpty else { return }
        read(key: 2) { [self] in
            var failed: [Presence] = []
            for part in parts {
                do throws(StoreError) {
                    try store.accounts.note(part)
                } catch {
                    log.warning("presence could not be noted: \(error)")
                    failed += part
                }
            }
            presence.noted(failed: failed)
        }
    }

    // MARK: Of the others

    /// On a thread of the bus.
    func hear(_ event: BusEvent) {
        switch event {
        case .connected:
            let untold = pulse.withLock { pulse in
                pulse.isConnected = true
                defer { pulse.untold = [] }
                return pulse.untold
            }
            if !untold.isEmpty { announcer.post(.seated(untold)) }
            // What was sent before may have been missed.
            poll(all: true)
            lookForRevocations()
        case .disconnected(let reason):
            log.warning("the bus is lost, changes of other hubs are looked for in the store: \(reason)")
            pulse.withLock { $0.isConnected = false }
            metrics.withLock { $0.busDisconnections += 1 }
        case .message(let message):
            hear(message)
        }
    }

    private func hear(_ message: BusMessage) {
        guard let (hub, line) = BusLine.parse(message.line) else {
            metrics.withLock { $0.busLinesDropped += 1 }
            return
        }
        guard hub != announcer.hub else { return }
        metrics.withLock { $0.busLinesReceived += 1 }
        switch line {
        case .committed(let generation, let stretches): hear(stretches, of: generation, message.payload)
        case .seated(let seats): for seat in seats { hear(seat, of: hub) }
        case .streams(let counts): streams.hear(counts, of: hub)
        case .revoked: lookForRevocations()
        case .stopped: streams.forget(hub)
        }
    }

    private func hear(_ stretches: [BusLine.Stretch], of generation: Generation, _ payload: [UInt8]) {
        announcer.lookAtLife()
        guard generation == store.generation else {
            // One of us has not seen yet that the log was restored. The store says what is there.
            metrics.withLock { $0.busLinesDropped += 1 }
            return poll(all: true)
        }
        if let stretch = stretches.first, stretches.count == 1, !payload.isEmpty, feed.follows(stretch.space),
            let items = ItemPayload.decode(
                payload, after: stretch.after, upTo: stretch.upTo, bytesMax: limits.payloadBytesMax)
        {
            metrics.withLock { $0.foreignPayloads += 1 }
            feed.announce(
                Broadcast(
                    stretch.space, after: stretch.after, upTo: stretch.upTo, items: items, generation: generation))
            return
        }
        for stretch in stretches { feed.hear(stretch.space, upTo: stretch.upTo) }
    }

    /// A device has a session at another hub.
    private func hear(_ seated: BusLine.Seated, of hub: String) {
        // Of two sessions that a wrong clock puts in a wrong order none is ended: better two than never the later one.
        guard clock.hear(seated.stamp) else { return }
        let claim = directory.claim(
            seated.device, of: seated.user, stamp: seated.stamp, winsTies: hub > announcer.hub)
        switch claim {
        case .free: break
        case .taken(let seat):
            post(.replaced(seat.id, isElsewhere: true), to: seat.shard)
        case .refused(let seat):
            // That hub has not heard of the later one, which is here.
            announcer.post(
                .seated([BusLine.Seated(user: seated.user, device: seated.device, stamp: seat.stamp)]))
        }
    }

    /// A device has a session here.
    func tellSeated(_ device: Identifier, of user: Identifier, stamp: Int64) {
        guard announcer.bus != nil else { return }
        let seated = BusLine.Seated(user: user, device: device, stamp: stamp)
        let isConnected = pulse.withLock { pulse in
            if !pulse.isConnected, pulse.untold.count < HubCore.untoldMax { pulse.untold.append(seated) }
            return pulse.isConnected
        }
        if isConnected { announcer.post(.seated([seated])) }
    }
}
