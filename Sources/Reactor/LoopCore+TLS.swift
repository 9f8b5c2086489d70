internal import CLinux
internal import Glibc

/// What a stretch of TLS records held, for the handler.
struct TLSOpening {
    /// The handshake of a connection that came in is done.
    var securedPeer: TLSPeer?
    /// That of an outgoing one is.
    var isConnected = false
    /// In the loop's receive buffer.
    var bytes: UnsafeMutableRawBufferPointer
    var isAtEnd = false
    var isBroken = false
}

/// Handshakes of a loop, since its start.
public struct HandshakeCounts: Hashable, Sendable {
    /// With the resumed ones.
    public var done = 0
    public var resumed = 0
    /// All that had begun and were not done when their connection ended, for whatever reason.
    public var failed = 0
}

extension LoopCore {
    /// What answers a browser or a curl that came without TLS: it cannot show an alert.
    private static let plainAnswer: [UInt8] = {
        let body = "This port speaks TLS: use https or wss.\n"
        let head = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        return Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }()

    // MARK: Coming

    func adopt(_ socket: AcceptedSocket, _ server: TLSServer?) -> ConnectionID {
        if let session = socket.tls {
            let id = adopt(socket.descriptor, phase: .open, session)
            if let connection = slab.find(id), let channel = tlsChannel(id, connection) { session.attach(to: channel) }
            return id
        }
        guard let server else { return adopt(socket.descriptor, phase: .open) }
        return adopt(socket.descriptor, phase: .securing, TLSSession(.server(server)))
    }

    /// The loop's channel; without memory for one the connection ends.
    private func tlsChannel(_ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>) -> TLSChannel? {
        if let channel { return channel }
        channel = TLSChannel(
            receiveBytes: receiveBuffer.count - TLSChannel.recordBytesMax - TLSChannel.recordOverheadMax)
        if channel == nil { end(id.index, connection, .failed(ENOMEM)) }
        return channel
    }

    /// The socket of an outgoing connection stands: says ClientHello.
    func beginSecuring(_ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        connection.pointee.phase = .securing
        guard let channel = tlsChannel(id, connection) else { return }
        guard session.begin(on: channel), case .wantsMore = session.handshake(channel) else {
            return breakTLS(id.index, connection, session)
        }
        sendWritten(id.index, connection, session)
        if connection.pointee.phase == .securing { updateInterest(id.index, connection) }
    }

    // MARK: Reading

    /// One recv per socket and turn, as without TLS; all of it is opened, so that nothing but the beginning of a record
    /// is left in the SSL, and the kernel's event tells of everything.
    func receiveTLS(
        _ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession
    ) -> LoopEvent {
        guard let channel = tlsChannel(id, connection) else { return .nothing }
        let count = calls.receive(connection.pointee.descriptor, channel.received)
        guard count > 0 else {
            guard count == 0, connection.pointee.phase == .securing else {
                return receiveEnd(id, connection, Int32(-count))
            }
            endUnsecured(id, connection, session)
            return .nothing
        }
        channel.offer(UnsafeRawBufferPointer(rebasing: channel.received[..<count]))
        defer { channel.forgetIncoming() }
        var opening = TLSOpening(bytes: UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[..<0]))
        if connection.pointee.phase == .securing {
            guard secure(id, connection, session, channel, count) else { return .nothing }
            if session.isServer { opening.securedPeer = session.peer } else { opening.isConnected = true }
        }
        let opened = session.open(channel, into: receiveBuffer)
        // Answers to the peer's updates of its keys (RFC 8446 4.6.3).
        sendWritten(id.index, connection, session)
        guard connection.pointee.phase == .open else { return .nothing }
        opening.bytes = UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[..<opened.count])
        opening.isAtEnd = opened.isAtEnd
        opening.isBroken = opened.isBroken
        if opening.securedPeer == nil, !opening.isConnected, !opened.isAtEnd, !opened.isBroken {
            return opened.count > 0 ? .received(id, opening.bytes) : .nothing
        }
        // An end that came with the handshake's is told here too: the SSL would keep it to itself in another loop.
        session.isDelivering = opened.count > 0 || opened.isAtEnd || opened.isBroken
        return .opened(id, opening)
    }

    /// Goes on with the handshake; true when it is done.
    private func secure(
        _ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession,
        _ channel: TLSChannel, _ count: Int
    ) -> Bool {
        if session.isServer, session.handshakeBytes == 0, let first = channel.received.first,
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
        {
            session.handshakeBytes = count
            answerPlain(id.index, connection, session)
            return false
        }
        session.handshakeBytes += count
        guard session.begin(on: channel) else {
            breakTLS(id.index, connection, session)
            return false
        }
        let progress = session.handshake(channel)
        if case .wantsMore = progress, session.handshakeBytes > TLSSession.handshakeBytesMax {
            session.error = TLSError(
                .protocolFailure, "More than \(TLSSession.handshakeBytesMax) bytes came before TLS was there.")
            breakTLS(id.index, connection, session)
            return false
        }
        switch progress {
        case .failed:
            breakTLS(id.index, connection, session)
            return false
        case .wantsMore:
            sendWritten(id.index, connection, session)
            return false
        case .done:
            handshakes.done += 1
            if session.isResumed { handshakes.resumed += 1 }
            connection.pointee.phase = .open
            sendWritten(id.index, connection, session)
            if connection.pointee.phase == .open {
                updateInterest(id.index, connection)
                if !connection.pointee.outbox.isEmpty { markDirty(id.index, connection) }
            }
            return connection.pointee.phase == .open
        }
    }

    /// After the handler heard of an opening; true when it is to hear that the stream has ended.
    func settle(_ id: ConnectionID, _ opening: TLSOpening) -> Bool {
        guard let connection = slab.find(id), let session = connection.pointee.tls?.takeUnretainedValue() else {
            return false
        }
        session.isDelivering = false
        guard connection.pointee.phase == .open else { return false }
        if opening.isBroken {
            breakTLS(id.index, connection, session)
            return false
        }
        guard opening.isAtEnd else { return false }
        connection.pointee.isReadClosed = true
        updateInterest(id.index, connection)
        return connection.pointee.phase == .open
    }

    // MARK: Going

    /// The peer's FIN came in the middle of the handshake. One that never said a word is no failure: so ask balancers
    /// whether somebody listens.
    private func endUnsecured(
        _ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession
    ) {
        if session.isServer, session.handshakeBytes == 0 { return end(id.index, connection, .peerClosed) }
        session.error = TLSError(
            .protocolFailure,
            session.isServer
                ? "The client closed the connection in the middle of the TLS handshake."
                : "The server closed the connection in the middle of the TLS handshake: it may not speak TLS here.")
        end(id.index, connection, .tls)
    }

    /// Sends the alert, if OpenSSL wrote one, as far as the kernel takes it at once, then our FIN.
    func breakTLS(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        guard connection.pointee.phase == .securing || connection.pointee.phase == .open else { return }
        connection.pointee.cause = .tls
        connection.pointee.outbox.removeAll(&pool)
        if !connection.pointee.isBlocked, !connection.pointee.isResting { flushWritten(index, connection, session) }
        guard connection.pointee.phase != .dead else {
            connection.pointee.cause = .tls
            return
        }
        channel?.forgetOutgoing()
        connection.pointee.isBlocked = false
        connection.pointee.isPaused = false
        if connection.pointee.isReadClosed { return end(index, connection, .tls) }
        countUnsecured(connection, session)
        endTLS(session)
        linger(index, connection)
        updateInterest(index, connection)
    }

    /// Whatever ends a handshake that had begun, it failed: a reset, or a handler that has waited long enough.
    func countUnsecured(_ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        guard connection.pointee.phase == .securing, !session.isServer || session.handshakeBytes > 0 else { return }
        handshakes.failed += 1
    }

    private func answerPlain(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ session: TLSSession) {
        Self.plainAnswer.withUnsafeBytes { session.sealed.append($0, &pool) }
        session.error = TLSError(.protocolFailure, "The client speaks HTTP without TLS: it is to use https.")
        breakTLS(index, connection, session)
    }

    func endTLS(_ session: TLSSession) {
        session.sealed.removeAll(&pool)
        session.end()
    }

    func releaseTLS(_ connection: UnsafeMutablePointer<Connection>) {
        guard let session = connection.pointee.tls else { return }
        connection.pointee.tls = nil
        session.takeUnretainedValue().sealed.removeAll(&pool)
        session.release()
    }
}
