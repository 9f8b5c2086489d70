internal import CLinux
internal import Glibc

extension LoopCore {
    func send(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty, let connection = roomFor(bytes.count, id) else { return }
        connection.pointee.outbox.append(bytes, &pool)
        noteAppended(id.index, connection)
    }

    func send(_ id: ConnectionID, _ shared: SharedBytes) {
        guard shared.count > configuration.sharedCopyBytesMax else { return send(id, shared.storage) }
        guard let connection = roomFor(shared.count, id) else { return }
        connection.pointee.outbox.append(shared, &pool)
        noteAppended(id.index, connection)
    }

    /// The connection, if it is to have `count` more bytes. One that would pass the cap gets a chance to flush first,
    /// and is ended with `outboxFull` if that does not help.
    private func roomFor(_ count: Int, _ id: ConnectionID) -> UnsafeMutablePointer<Connection>? {
        guard let connection = slab.find(id),
            connection.pointee.phase != .closing, connection.pointee.phase != .lingering
        else { return nil }
        if connection.pointee.outbox.count + count > configuration.outboxBytesMax {
            if connection.pointee.isDirty { flush(id.index, connection) }
            guard connection.pointee.phase != .dead else { return nil }
            guard connection.pointee.outbox.count + count <= configuration.outboxBytesMax else {
                end(id.index, connection, .outboxFull)
                return nil
            }
        }
        return connection
    }

    private func noteAppended(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        if connection.pointee.outbox.count > configuration.outboxLowWaterBytes { connection.pointee.owesDrained = true }
        markDirty(index, connection)
    }

    func markDirty(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        guard !connection.pointee.isDirty else { return }
        connection.pointee.isDirty = true
        dirty.append(UInt32(index))
    }

    /// Flushes each connection that was sent to in this turn, once.
    func flushDirty() {
        for position in dirty.indices {
            let index = Int(dirty[position])
            guard let connection = slab.slot(index) else { continue }
            connection.pointee.isDirty = false
            flush(index, connection)
        }
        dirty.removeAll(keepingCapacity: true)
    }

    func flush(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        switch connection.pointee.phase {
        case .free, .connecting, .lingering, .dead: return
        case .open, .closing, .securing: break
        }
        guard !connection.pointee.isBlocked, !connection.pointee.isResting, let first = parts.baseAddress else {
            return
        }
        if let session = connection.pointee.tls {
            return flushTLS(index, connection, session.takeUnretainedValue())
        }
        var attempts = configuration.sendsPerTurn
        while !connection.pointee.outbox.isEmpty {
            guard attempts > 0 else { return block(index, connection) }
            attempts -= 1
            let count = connection.pointee.outbox.fill(parts)
            let sent = calls.send(connection.pointee.descriptor, first, count: count)
            guard sent < 0 else {
                connection.pointee.outbox.consume(sent, &pool)
                bytesSent &+= sent
                continue
            }
            guard goesOnSending(index, connection, Int32(-sent)) else { return }
        }
        settleFlushed(index, connection)
    }

    /// What a failed send means: true to try again at once.
    func goesOnSending(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ code: Int32) -> Bool {
        switch code {
        case EINTR: return true
        case EAGAIN: block(index, connection)
        case ENOBUFS, ENOMEM: rest(index, connection)
        default: end(index, connection, .failed(code))
        }
        return false
    }

    /// Everything is sent.
    func settleFlushed(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        updateInterest(index, connection)
        guard connection.pointee.phase == .open else { return finishClosing(index, connection) }
        if connection.pointee.owesDrained {
            connection.pointee.owesDrained = false
            drained.append(ConnectionID(index: index, generation: connection.pointee.generation))
        }
    }

    func block(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.isBlocked = true
        connection.pointee.owesDrained = true
        updateInterest(index, connection)
    }

    private func rest(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.isResting = true
        connection.pointee.owesDrained = true
        updateInterest(index, connection)
        let id = ConnectionID(index: index, generation: connection.pointee.generation)
        _ = timers.schedule(at: deadline(after: configuration.flushRest), .retryFlush, token: id.raw)
    }
}
