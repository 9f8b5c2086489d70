internal import Causality
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// What devices confirm to hold: gathered, and told to the store from time to time.
extension HubShard {
    func acknowledge(_ connection: Connection, _ cursor: Cursor) {
        guard let member = connection.member else { return }
        let isOurs =
            cursor.spaceTag == Cursor.spaceTag(of: member.access.space) && cursor.generation == member.generation
        guard isOurs else {
            send(connection, .error(ErrorFrame(code: .badCursor)))
            return
        }
        let known = max(member.head, connection.subscription?.seen ?? .start)
        guard cursor.position <= known else { return claim(connection, member, cursor.position) }
        note(connection, cursor.position)
    }

    private func note(_ connection: Connection, _ position: Position) {
        if connection.acknowledged == nil { acknowledging.append(connection.id) }
        connection.acknowledged = max(connection.acknowledged ?? .start, position)
    }

    /// It says that it holds more than it was told of here: it may have pulled it. One question to the store at a time;
    /// what it says meanwhile is passed over, and comes again with its next acknowledgement.
    private func claim(_ connection: Connection, _ member: Member, _ position: Position) {
        guard connection.claimed == nil else { return }
        connection.claimed = position
        let (id, shard, core, space) = (connection.id, number, core, member.access.space)
        core.read(key: id.index) {
            let head = try? core.store.head(of: space)
            core.post(.claimed(id, position, isHeld: head.map { position <= $0 }), to: shard)
        }
    }

    func takeClaim(_ id: ConnectionID, _ position: Position, isHeld: Bool?) {
        guard let connection = connection(id), connection.claimed == position else { return }
        connection.claimed = nil
        guard connection.phase == .session, let isHeld else { return }
        if isHeld {
            note(connection, position)
        } else {
            send(
                connection,
                .error(ErrorFrame(code: .badCursor, message: "the cursor is beyond the end of the log")))
        }
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
        // What a device is known to hold is of its user's own space.
        guard member.access.isOwn else { return }
        let (core, connectionNumber) = (core, connection.number)
        core.read(key: connection.id.index) {
            do throws(StoreError) {
                try core.store.accounts.acknowledge(
                    position, device: member.device.id, of: member.user.id, at: WallClock.now)
            } catch {
                core.notices.tell(
                    .warning, "an acknowledgement could not be kept",
                    ["conn": "\(connectionNumber)", "device": "\(member.device.id.text)", "error": "\(error)"])
            }
        }
    }
}
