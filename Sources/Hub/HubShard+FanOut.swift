internal import Causality
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// Catch-up and live as one stream: every frame's `after` is the `up_to` that the device was told before.
extension HubShard {
    func subscribe(_ connection: Connection, _ member: Member, _ hello: Hello) {
        let interest = Interest(
            space: member.user.space, kinds: hello.kinds, namespaces: hello.namespaces, device: member.device.id,
            ownUpTo: member.device.registeredAt)
        connection.subscription = Subscription(connection.id, to: interest, from: member.start)
        enterRoom(connection, member.user.space)
        let seat = SubscriptionDirectory.Seat(shard: number, id: connection.id)
        if let earlier = core.directory.seat(seat, device: member.device.id, of: member.user.id) {
            core.post(.replaced(earlier.id), to: earlier.shard)
        }
        readLog(connection)
    }

    /// In the room and in the directory before the log is read: what commits meanwhile is announced here, and
    /// `latest` tells that the page missed it.
    func enterRoom(_ connection: Connection, _ space: Identifier) {
        guard let subscription = connection.subscription else { return }
        let room = rooms[space] ?? Room(chain: Chain(generation: core.store.generation, space: space))
        if rooms[space] == nil {
            rooms[space] = room
            core.directory.insert(shard: number, space: space)
        }
        if connection.stream?.isPoll == true {
            room.polls.append(connection.id)
        } else {
            room.members.append(subscription)
        }
    }

    func leaveRoom(_ connection: Connection) {
        guard let space = connection.subscription?.space else { return }
        connection.subscription = nil
        if let member = connection.member {
            core.directory.unseat(
                SubscriptionDirectory.Seat(shard: number, id: connection.id), device: member.device.id,
                of: member.user.id)
        }
        guard let room = rooms[space] else { return }
        if connection.stream?.isPoll == true {
            room.polls.removeAll { $0 == connection.id }
        } else {
            room.members.removeAll { $0.id == connection.id }
        }
        guard room.isEmpty else { return }
        rooms[space] = nil
        core.directory.remove(shard: number, space: space)
    }

    // MARK: Live

    /// Hands a commit to the room's subscribers; the loop sends what each got at the end of the turn.
    func deliver(_ broadcast: Broadcast) {
        guard let room = rooms[broadcast.space] else { return }
        room.latest = max(room.latest, broadcast.upTo)
        for subscription in room.members where subscription.state == .live {
            deliver(broadcast, to: subscription, room)
        }
        room.forgetFrames()
        if !room.polls.isEmpty { wake(room.polls, broadcast) }
    }

    private func deliver(_ broadcast: Broadcast, to subscription: Subscription, _ room: Room) {
        guard broadcast.upTo > subscription.seen else { return }
        let id = subscription.id
        if broadcast.isGap || broadcast.after > subscription.seen {
            readLog(id)
            return
        }
        if loop.outboxBytes(id) > core.limits.outboxBytesMax {
            // It reads too slowly. Its frames are dropped; the log has them.
            subscription.state = .lagging
            _ = connection(id)?.session.fellBehind()
            return
        }
        let (chain, framing) = (room.chain, subscription.framing)
        let isAuthor = subscription.interest.device.map { broadcast.authors.contains($0) } ?? false
        if !subscription.interest.isFiltered && !isAuthor && broadcast.after == subscription.seen {
            if subscription.told != broadcast.after {
                loop.send(id, chain.advance(after: subscription.told, upTo: broadcast.after, as: framing))
            }
            loop.send(id, room.frames(of: broadcast, as: framing))
            subscription.told = broadcast.upTo
        } else if broadcast.items.count > core.limits.filteredItemsMax {
            readLog(id)
            return
        } else {
            let items = broadcast.items.filter {
                $0.position > subscription.seen && subscription.interest.wants($0)
            }
            if !items.isEmpty {
                loop.send(
                    id, chain.frames(items[...], after: subscription.told, upTo: broadcast.upTo, as: framing))
                subscription.told = broadcast.upTo
            } else if isAuthor {
                // Its own changes are not echoed, but its chain moves past them.
                loop.send(id, chain.advance(after: subscription.told, upTo: broadcast.upTo, as: framing))
                subscription.told = broadcast.upTo
            }
        }
        subscription.seen = broadcast.upTo
    }

    // MARK: Catch-up

    private func readLog(_ id: ConnectionID) {
        if let connection = connection(id) { readLog(connection) }
    }

    /// Reads the next page of the log for a subscriber.
    func readLog(_ connection: Connection) {
        guard let subscription = connection.subscription else { return }
        connection.subscription?.state = .reading
        let asked = subscription.interest.query(
            after: subscription.seen, limit: core.limits.pageEntriesMax, bytesMax: core.limits.pageBytesMax)
        readPage(connection.id, asked, for: "a subscriber", mail: ShardMail.page) {
            CatchUpPage(items: BroadcastItem.encode($0.entries), upTo: $0.upTo, hasMore: $0.hasMore)
        }
    }

    /// Reads a page of the log off the loop, and mails what `make` makes of it there.
    ///
    /// - Parameter generation: the life of the log that the page must be of, where the reader minds.
    func readPage<Page: Sendable>(
        _ id: ConnectionID, _ query: PageQuery, of generation: Generation? = nil, for reader: String,
        mail: @escaping @Sendable (ConnectionID, Result<Page, ErrorFrameError>) -> ShardMail,
        make: @escaping @Sendable (LogPage) -> Page
    ) {
        let (shard, core) = (number, core)
        core.read(key: id.index) {
            do throws(StoreError) {
                let page = try core.store.page(query)
                let isOfThisLife = generation.map { core.store.generation == $0 } ?? true
                core.post(mail(id, isOfThisLife ? .success(make(page)) : .failure(ErrorFrameError(.resync))), to: shard)
            } catch {
                core.log.warning("a page of the log could not be read for \(reader): \(error)")
                core.post(mail(id, .failure(ErrorFrameError(frame: ErrorFrame(error)))), to: shard)
            }
        }
    }

    func takePage(_ connection: Connection, _ result: Result<CatchUpPage, ErrorFrameError>) {
        guard let subscription = connection.subscription, subscription.state == .reading,
            let room = rooms[subscription.space]
        else { return }
        switch result {
        case .failure(let error):
            // The chain cannot go on. The device comes back with its cursor.
            refuse(connection, error.frame)
        case .success(let page):
            let items = page.items.filter { subscription.interest.wants($0) }
            if !items.isEmpty {
                loop.send(
                    connection.id,
                    room.chain.frames(
                        items[...], after: subscription.told, upTo: page.upTo, as: subscription.framing))
                connection.subscription?.told = page.upTo
            }
            connection.subscription?.seen = page.upTo
            continueCatchUp(connection, room, hasMore: page.hasMore || room.latest > page.upTo)
        }
    }

    private func continueCatchUp(_ connection: Connection, _ room: Room, hasMore: Bool) {
        if !hasMore {
            goLive(connection, room.chain)
        } else if loop.outboxBytes(connection.id) > core.limits.outboxBytesMax {
            connection.subscription?.state = .lagging
        } else {
            readLog(connection)
        }
    }

    private func goLive(_ connection: Connection, _ chain: Chain) {
        guard let subscription = connection.subscription,
            connection.phase == .stream || connection.session.caughtUp()
        else { return }
        loop.send(
            connection.id,
            chain.advance(after: subscription.told, upTo: subscription.seen, as: subscription.framing))
        connection.subscription?.told = subscription.seen
        connection.subscription?.state = .live
    }

    // MARK: Acknowledgements

    func acknowledge(_ connection: Connection, _ cursor: Cursor) {
        guard let member = connection.member else { return }
        let isOurs =
            cursor.spaceTag == Cursor.spaceTag(of: member.user.space) && cursor.generation == core.store.generation
        guard isOurs else {
            send(connection, .error(ErrorFrame(code: .badCursor)))
            return
        }
        if connection.acknowledged == nil { acknowledging.append(connection.id) }
        connection.acknowledged = max(connection.acknowledged ?? .start, cursor.position)
    }

    func flushAcknowledgements() {
        for id in acknowledging {
            if let connection = connection(id) { flushAcknowledgement(connection) }
        }
        acknowledging.removeAll(keepingCapacity: true)
    }

    func flushAcknowledgement(_ connection: Connection) {
        guard let position = connection.acknowledged, let member = connection.member else { return }
        connection.acknowledged = nil
        let core = core
        core.read(key: connection.id.index) {
            do throws(StoreError) {
                try core.store.accounts.acknowledge(
                    position, device: member.device.id, of: member.user.id, at: WallClock.now)
            } catch {
                core.log.warning("an acknowledgement could not be kept: \(error)")
            }
        }
    }
}
