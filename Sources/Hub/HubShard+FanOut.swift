internal import Causality
internal import Logging
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// Catch-up and live as one stream: every frame's `after` is the `up_to` that the device was told before.
extension HubShard {
    func subscribe(_ connection: Connection, _ member: Member, _ hello: Hello) {
        let interest = Interest(
            access: member.access, kinds: hello.kinds, namespaces: hello.namespaces,
            device: member.access.author(member.device.id), ownUpTo: member.ownUpTo)
        connection.subscription = Subscription(
            connection.id, to: interest, from: member.start, of: member.generation,
            framing: connection.machine?.deflate?.framing ?? .webSocket)
        guard enterRoom(connection, member.access.space) else { return }
        let stamp = core.clock.next()
        let seat = SubscriptionDirectory.Seat(shard: number, id: connection.id, stamp: stamp)
        let name = member.access.seat(member.device.id)
        if let earlier = core.directory.seat(seat, device: name, of: member.user.id) {
            core.post(.replaced(earlier.id, isElsewhere: false), to: earlier.shard)
        }
        core.tellSeated(name, of: member.user.id, stamp: stamp)
        readLog(connection)
    }

    /// In the room and in the feed before the log is read: what commits meanwhile is announced here, and `latest` tells
    /// that the page missed it. False, and it has ended, where the room is in another life of the log.
    func enterRoom(_ connection: Connection, _ space: Identifier) -> Bool {
        guard let subscription = connection.subscription, let generation = connection.generation else { return false }
        let room = rooms[space] ?? Room(of: generation)
        guard room.generation == generation else {
            refuse(connection, ErrorFrame(code: .resync))
            return false
        }
        if rooms[space] == nil {
            rooms[space] = room
            core.feed.insert(shard: number, space: space, of: generation)
        }
        if connection.stream?.isPoll == true {
            room.polls.append(connection.id)
        } else {
            room.members.append(subscription)
        }
        return true
    }

    func leaveRoom(_ connection: Connection) {
        guard let space = connection.subscription?.space else { return }
        connection.subscription = nil
        if let member = connection.member {
            core.directory.unseat(
                SubscriptionDirectory.Seat(shard: number, id: connection.id),
                device: member.access.seat(member.device.id), of: member.user.id)
        }
        guard let room = rooms[space] else { return }
        if connection.stream?.isPoll == true {
            room.polls.removeAll { $0 == connection.id }
        } else {
            room.members.removeAll { $0.id == connection.id }
        }
        guard room.isEmpty else { return }
        rooms[space] = nil
        core.feed.remove(shard: number, space: space)
    }

    // MARK: Live

    /// Hands a commit to the room's subscribers; the loop sends what each got at the end of the turn.
    func deliver(_ broadcast: Broadcast) {
        guard let room = rooms[broadcast.space], room.generation == broadcast.generation else { return }
        room.latest = max(room.latest, broadcast.upTo)
        var deviceCount = 0
        let markBytes = outboxMarkBytes
        for subscription in room.members where subscription.state == .live {
            if deliver(broadcast, to: subscription, room, markBytes: markBytes) { deviceCount &+= 1 }
        }
        if deviceCount > 0 {
            figures.count(.changes, deviceCount)
            deliveries.append(Delivery(bornAt: broadcast.bornAt, deviceCount: deviceCount))
        }
        room.forgetFrames()
        if !room.polls.isEmpty { wake(room.polls, broadcast) }
        if !room.watchers.isEmpty { tell(room.watchers, broadcast) }
    }

    /// Whether it was sent changes.
    private func deliver(
        _ broadcast: Broadcast, to subscription: Subscription, _ room: Room, markBytes: Int
    ) -> Bool {
        guard broadcast.upTo > subscription.seen else { return false }
        let id = subscription.id
        if broadcast.isGap || broadcast.after > subscription.seen {
            readLog(id)
            return false
        }
        if loop.outboxBytes(id) > markBytes {
            // It reads too slowly. Its frames are dropped; the log has them.
            subscription.state = .lagging
            _ = connection(id)?.session.fellBehind()
            return false
        }
        let (chain, framing) = (subscription.chain, subscription.framing)
        let isAuthor = subscription.interest.device.map { broadcast.authors.contains($0) } ?? false
        let seesAll = subscription.interest.access.viewer.seesAll || broadcast.isOpen
        var isSent = true
        let isWhole = seesAll && broadcast.after == subscription.seen && !broadcast.items.isEmpty
        if !subscription.interest.isFiltered && !isAuthor && isWhole {
            if subscription.told != broadcast.after {
                loop.send(
                    id, chain.advance(after: subscription.told, upTo: broadcast.after, as: framing, with: deflate))
            }
            let before = deflate.compressedCount
            loop.send(id, room.frames(of: broadcast, as: framing, chain, by: deflate))
            if deflate.compressedCount != before { core.metrics.withLock { $0.compressedBroadcasts += 1 } }
            subscription.told = broadcast.upTo
        } else if broadcast.items.count > core.limits.filteredItemsMax {
            readLog(id)
            return false
        } else {
            let items = broadcast.items.compactMap {
                $0.position > subscription.seen ? subscription.interest.shown($0) : nil
            }
            isSent = !items.isEmpty
            if isSent {
                loop.send(
                    id,
                    chain.frames(
                        items[...], after: subscription.told, upTo: broadcast.upTo, as: framing, with: deflate))
                subscription.told = broadcast.upTo
            } else if isAuthor {
                // Its own changes are not echoed, but its chain moves past them.
                loop.send(
                    id, chain.advance(after: subscription.told, upTo: broadcast.upTo, as: framing, with: deflate))
                subscription.told = broadcast.upTo
            }
        }
        subscription.seen = broadcast.upTo
        return isSent
    }

    // MARK: Catch-up

    private func readLog(_ id: ConnectionID) {
        if let connection = connection(id) { readLog(connection) }
    }

    /// Reads the next page of the log for a subscriber.
    func readLog(_ connection: Connection) {
        guard let subscription = connection.subscription else { return }
        let isLate = subscription.state == .lagging
        connection.subscription?.state = .reading
        let asked = subscription.interest.query(
            after: subscription.seen, limit: core.limits.pageEntriesMax, bytesMax: core.limits.pageBytesMax)
        readPage(
            connection.id, asked, of: connection.generation, isLate: isLate, for: "a subscriber", mail: ShardMail.page
        ) {
            CatchUpPage(items: BroadcastItem.encode($0.entries), upTo: $0.upTo, hasMore: $0.hasMore)
        }
    }

    /// Reads a page of the log off the loop, and mails what `make` makes of it there.
    ///
    /// - Parameters:
    ///   - generation: the life of the log that the page must be of, where the reader minds.
    ///   - mayBeReplica: whether a replica serves it, where that is as far as `query.after`.
    ///   - isLate: of who has fallen behind, and must not hold up the others.
    func readPage<Page: Sendable>(
        _ id: ConnectionID, _ query: PageQuery, of generation: Generation? = nil, mayBeReplica: Bool = false,
        isLate: Bool = false,
        for reader: String,
        mail: @escaping @Sendable (ConnectionID, Result<Page, ErrorFrameError>) -> ShardMail,
        make: @escaping @Sendable (LogPage) -> Page
    ) {
        let (shard, core, connectionNumber) = (number, core, connection(id)?.number ?? 0)
        let work: @Sendable () -> Void = {
            do throws(StoreError) {
                let page =
                    mayBeReplica
                    ? try core.reading(query.space, from: query.after) { store throws(StoreError) in
                        try store.page(query)
                    } : try core.store.page(query)
                let isOfThisLife = generation.map { core.store.generation == $0 } ?? true
                core.post(mail(id, isOfThisLife ? .success(make(page)) : .failure(ErrorFrameError(.resync))), to: shard)
            } catch {
                core.notices.tell(
                    .warning, "a page of the log could not be read for \(reader)",
                    ["conn": "\(connectionNumber)", "error": "\(error)"])
                core.post(mail(id, .failure(ErrorFrameError(frame: ErrorFrame(error)))), to: shard)
            }
        }
        if isLate { core.readLate(key: id.index, work) } else { core.read(key: id.index, work) }
    }

    func takePage(_ connection: Connection, _ result: Result<CatchUpPage, ErrorFrameError>) {
        guard let subscription = connection.subscription, subscription.state == .reading,
            let room = rooms[subscription.space]
        else { return }
        switch result {
        case .failure(let error):
            if error.frame.code == .storeUnavailable, waitForStore(connection, subscription) { return }
            // The chain cannot go on. The device comes back with its cursor.
            refuse(connection, error.frame)
        case .success(let page):
            (subscription.failingSince, subscription.failureCount) = (nil, 0)
            let items = page.items.compactMap { subscription.interest.shown($0) }
            if !items.isEmpty {
                loop.send(
                    connection.id,
                    subscription.chain.frames(
                        items[...], after: subscription.told, upTo: page.upTo, as: subscription.framing,
                        with: deflate))
                figures.count(.changes)
                connection.subscription?.told = page.upTo
            }
            connection.subscription?.seen = page.upTo
            continueCatchUp(connection, room, hasMore: page.hasMore || room.latest > page.upTo)
        }
    }

    /// The store is away: the page is asked for again after a pause, and the connection stays. False when its patience
    /// is at an end.
    private func waitForStore(_ connection: Connection, _ subscription: Subscription) -> Bool {
        let since = subscription.failingSince ?? loop.now
        guard seconds(since: since) < core.limits.catchUpPatienceSeconds else { return false }
        subscription.failingSince = since
        subscription.failureCount += 1
        // Doubling from a quarter of a second to eight, each its own: a store that comes back is not stormed.
        let pause = 250 << min(subscription.failureCount - 1, 5)
        let (id, shard, core) = (connection.id, number, core)
        core.read(key: id.index, afterMilliseconds: Int.random(in: pause / 2...pause)) {
            core.post(.readAgain(id), to: shard)
        }
        return true
    }

    func readAgain(_ id: ConnectionID) {
        if let connection = connection(id), connection.subscription?.state == .reading { readLog(connection) }
    }

    private func continueCatchUp(_ connection: Connection, _ room: Room, hasMore: Bool) {
        if !hasMore {
            goLive(connection)
        } else if loop.outboxBytes(connection.id) > outboxMarkBytes {
            connection.subscription?.state = .lagging
        } else {
            readLog(connection)
        }
    }

    private func goLive(_ connection: Connection) {
        guard let subscription = connection.subscription,
            connection.phase == .stream || connection.session.caughtUp()
        else { return }
        loop.send(
            connection.id,
            subscription.chain.advance(
                after: subscription.told, upTo: subscription.seen, as: subscription.framing, with: deflate))
        figures.count(.synced)
        connection.subscription?.told = subscription.seen
        connection.subscription?.state = .live
        core.feed.wentLive(subscription.space, at: subscription.seen)
    }
}
