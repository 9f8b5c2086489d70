internal import CLinux
internal import Glibc

/// The way of an outbox through TLS: up to four records are sealed into the loop's channel and sent at once; what the
/// kernel leaves of them waits in the session, and nothing more is sealed before it has gone. So a slow reader has its
/// backlog as plain bytes, shared ones not copied, and at most one cork of sealed ones.
extension LoopCore {
    /// A peer that has its keys updated on and on, and reads none of the answers, gets no more of them.
    private static let answerBytesMax = 64 * 1024

    func unsentBytes(_ id: ConnectionID) -> Int {
        guard let connection = slab.find(id) else { return 0 }
        // Records of a handshake are nobody's bytes: they say nothing of who reads.
        guard connection.pointee.phase != .securing, let session = connection.pointee.tls else {
            return connection.pointee.outbox.count
        }
        return connection.pointee.outbox.count + session.takeUnretainedValue().sealed.count
    }

    func flushTLS(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        var attempts = configuration.sendsPerTurn
        while true {
            guard sendSealed(index, connection, session, &attempts) else { return }
            guard connection.pointee.phase != .securing, let channel else {
                return updateInterest(index, connection)
            }
            if !connection.pointee.outbox.isEmpty {
                guard seal(connection, session, channel) else {
                    channel.forgetOutgoing()
                    return end(index, connection, .tls)
                }
            } else if connection.pointee.phase == .closing, !session.hasSaidGoodbye {
                session.sayGoodbye(channel)
            } else {
                break
            }
            guard attempts > 0 else {
                keepWritten(session, channel)
                return block(index, connection)
            }
            attempts -= 1
            guard sendCork(index, connection, session, channel) else { return }
        }
        settleFlushed(index, connection)
    }

    /// Fills the channel from the outbox; false when OpenSSL fails.
    private func seal(
        _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession, _ channel: TLSChannel
    ) -> Bool {
        let room = TLSChannel.recordBytesMax
        while !connection.pointee.outbox.isEmpty,
            channel.outgoing.count + room + TLSChannel.recordOverheadMax <= TLSChannel.corkBytes
        {
            let plain = connection.pointee.outbox.run(upTo: room, channel.record)
            guard session.seal(channel, plain) else { return false }
            connection.pointee.outbox.consume(plain.count, &pool)
        }
        return true
    }

    /// Sends what the channel holds, past the session's own store when the kernel takes it; false when it does not.
    private func sendCork(
        _ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession, _ channel: TLSChannel
    ) -> Bool {
        let cork = channel.outgoing
        guard !cork.isEmpty else { return true }
        var part = iovec(iov_base: UnsafeMutableRawPointer(mutating: cork.baseAddress), iov_len: cork.count)
        let sent = calls.send(connection.pointee.descriptor, &part, count: 1)
        bytesSent &+= max(sent, 0)
        if sent < cork.count {
            session.sealed.append(UnsafeRawBufferPointer(rebasing: cork[max(sent, 0)...]), &pool)
        }
        channel.forgetOutgoing()
        return sent >= 0 || goesOnSending(index, connection, Int32(-sent))
    }

    /// Sends what waits in the session; false when some of it still does.
    private func sendSealed(
        _ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession, _ attempts: inout Int
    ) -> Bool {
        guard let first = parts.baseAddress else { return false }
        while !session.sealed.isEmpty {
            guard attempts > 0 else {
                block(index, connection)
                return false
            }
            attempts -= 1
            let count = session.sealed.fill(parts)
            let sent = calls.send(connection.pointee.descriptor, first, count: count)
            if sent >= 0 {
                session.sealed.consume(sent, &pool)
                bytesSent &+= sent
            } else if !goesOnSending(index, connection, Int32(-sent)) {
                return false
            }
        }
        return true
    }

    private func keepWritten(_ session: TLSSession, _ channel: TLSChannel) {
        session.sealed.append(channel.outgoing, &pool)
        channel.forgetOutgoing()
    }

    /// Sends what OpenSSL wrote on its own: a handshake, a ticket, an answer.
    func sendWritten(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        guard let channel, !channel.outgoing.isEmpty else { return }
        guard session.sealed.count <= Self.answerBytesMax || connection.pointee.phase == .securing else {
            channel.forgetOutgoing()
            return end(index, connection, .outboxFull)
        }
        guard !connection.pointee.isBlocked, !connection.pointee.isResting else {
            return keepWritten(session, channel)
        }
        flushWritten(index, connection, session)
    }

    /// The same for one whose socket may be written to.
    func flushWritten(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        guard let channel else { return }
        if session.sealed.isEmpty {
            guard sendCork(index, connection, session, channel) else { return }
        } else {
            keepWritten(session, channel)
        }
        var attempts = configuration.sendsPerTurn
        _ = sendSealed(index, connection, session, &attempts)
    }
}
