internal import CLinux
internal import Glibc

extension LoopCore {
    // MARK: Coming

    func listen(_ socket: ListeningSocket) {
        let index = listeners.count
        let code = watch(
            socket.descriptor, EPOLL_CTL_ADD, EPOLLIN.rawValue, raw: Self.listenerRaw + UInt64(index))
        // At the start of a process, and for lack of kernel memory only: a hub that cannot listen must not seem to run.
        precondition(code == 0, "epoll_ctl failed for a listening socket: errno \(code)")
        listeners.append(Listener(descriptor: socket.descriptor))
    }

    func stopListening() {
        for index in listeners.indices where listeners[index].isOpen {
            listeners[index].isOpen = false
            _ = Glibc.close(listeners[index].descriptor)
        }
    }

    /// The next connection that waits, or nil when none does or the process cannot take one now.
    ///
    /// Out of descriptors or memory, the listener rests for `acceptRest`: level-triggered, it would spin otherwise. No
    /// reserve descriptor: the clients wait in the backlog and are served when one is free, instead of being cut off.
    func accept(_ index: Int, budget: inout Int) -> AcceptedSocket? {
        while budget > 0, listeners[index].isOpen, !listeners[index].isResting {
            budget -= 1
            let (result, peer) = calls.accept(listeners[index].descriptor)
            if result >= 0 {
                return AcceptedSocket(
                    descriptor: Int32(result), peer: peer ?? .ipv4(0, 0, 0, 0, port: 0), tls: nil)
            }
            switch Int32(-result) {
            case EAGAIN:
                return nil
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                setAccepting(index, false)
                _ = timers.schedule(
                    at: deadline(after: configuration.acceptRest), .resumeAccepting, token: UInt64(index))
                return nil
            default:
                // ECONNABORTED and the network errors of accept(2) are of that connection; EINTR is of none.
                continue
            }
        }
        return nil
    }

    func setAccepting(_ index: Int, _ isAccepting: Bool) {
        guard listeners[index].isOpen else { return }
        listeners[index].isResting = !isAccepting
        let interest = isAccepting ? EPOLLIN.rawValue : 0
        _ = watch(listeners[index].descriptor, EPOLL_CTL_MOD, interest, raw: Self.listenerRaw + UInt64(index))
    }

    func adopt(_ descriptor: Int32, phase: Phase, _ session: TLSSession? = nil) -> ConnectionID {
        let (id, connection) = slab.take()
        liveCount += 1
        connection.pointee.phase = phase
        connection.pointee.descriptor = descriptor
        connection.pointee.tls = session.map { .passRetained($0) }
        guard descriptor >= 0 else { return id }
        guard liveCount <= configuration.connectionsMax else {
            end(id.index, connection, .failed(EMFILE))
            return id
        }
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
        setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE)
        let interest = phase == .connecting ? EPOLLOUT.rawValue : EPOLLIN.rawValue
        connection.pointee.interest = interest
        let code = watch(descriptor, EPOLL_CTL_ADD, interest, raw: id.raw)
        if code != 0 { end(id.index, connection, .failed(code)) }
        return id
    }

    /// Starts to connect. Whatever fails, also at once, is told by `closed`.
    func connect(_ address: SocketAddress, _ options: ConnectOptions) -> ConnectionID {
        let descriptor = socket(address.family, streamSocketFlags, 0)
        var code = descriptor < 0 ? errno : 0
        if code == 0 { code = options.apply(to: descriptor) }
        if code == 0, address.withSystemAddress({ Glibc.connect(descriptor, $0, $1) }) != 0 { code = errno }
        let id = adopt(descriptor, phase: .connecting, options.tls.map { TLSSession(.client($0)) })
        // EINTR leaves the connect under way, like EINPROGRESS.
        if code != 0, code != EINPROGRESS, code != EINTR, let connection = slab.find(id) {
            end(id.index, connection, .failed(code))
        }
        return id
    }

    func finishConnecting(_ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>) -> LoopEvent {
        let code = socketError(connection.pointee.descriptor)
        guard code == 0 else {
            end(id.index, connection, .failed(code))
            return .nothing
        }
        if let session = connection.pointee.tls {
            beginSecuring(id, connection, session.takeUnretainedValue())
            return .nothing
        }
        connection.pointee.phase = .open
        if !connection.pointee.outbox.isEmpty { markDirty(id.index, connection) }
        updateInterest(id.index, connection)
        return .connected(id)
    }

    private func socketError(_ descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    /// Takes a connection out of the set and its slot, with what the kernel holds for it unread.
    func detach(_ id: ConnectionID) -> AcceptedSocket? {
        guard let connection = slab.find(id), connection.pointee.phase == .open, connection.pointee.outbox.isEmpty,
            !connection.pointee.isReadClosed
        else { return nil }
        let session = connection.pointee.tls?.takeUnretainedValue()
        if let session, session.isDelivering || !session.sealed.isEmpty { return nil }
        let descriptor = connection.pointee.descriptor
        guard watch(descriptor, EPOLL_CTL_DEL, 0, raw: id.raw) == 0 else { return nil }
        let (_, peer) = SocketAddress.read { Int(getpeername(descriptor, $0, &$1)) }
        connection.pointee.descriptor = -1
        liveCount -= 1
        session?.detach()
        releaseTLS(connection)
        slab.give(id.index)
        return AcceptedSocket(descriptor: descriptor, peer: peer ?? .ipv4(0, 0, 0, 0, port: 0), tls: session)
    }

    // MARK: Reading

    /// One recv per socket and turn: level-triggered, what is left comes back after the others had theirs.
    func receive(_ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>) -> LoopEvent {
        if let session = connection.pointee.tls {
            let phase = connection.pointee.phase
            if phase == .open || phase == .securing {
                return receiveTLS(id, connection, session.takeUnretainedValue())
            }
        }
        let count = calls.receive(connection.pointee.descriptor, receiveBuffer)
        if count > 0 {
            guard connection.pointee.phase == .open else { return .nothing }
            return .received(id, UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[..<count]))
        }
        return receiveEnd(id, connection, Int32(-count))
    }

    /// A receive that gave no bytes: the peer's FIN for code 0, else an errno.
    func receiveEnd(_ id: ConnectionID, _ connection: UnsafeMutablePointer<Connection>, _ code: Int32) -> LoopEvent {
        guard code == 0 else {
            if code == EAGAIN || code == EINTR { return .nothing }
            // While lingering everything was sent: a reset instead of a FIN changes nothing about why we closed.
            let isLingering = connection.pointee.phase == .lingering
            end(id.index, connection, isLingering ? connection.pointee.cause : .failed(code))
            return .nothing
        }
        switch connection.pointee.phase {
        case .lingering:
            end(id.index, connection, connection.pointee.cause)
        case .open:
            connection.pointee.isReadClosed = true
            updateInterest(id.index, connection)
            return .readClosed(id)
        case .closing:
            connection.pointee.isReadClosed = true
            updateInterest(id.index, connection)
        case .free, .connecting, .securing, .dead:
            break
        }
        return .nothing
    }

    /// After the handler heard `readClosed`.
    func followReadClosed(_ id: ConnectionID) {
        guard !configuration.keepsHalfOpen, let connection = slab.find(id), connection.pointee.phase == .open
        else { return }
        beginClosing(id.index, connection, .peerClosed)
    }

    func setPaused(_ id: ConnectionID, _ isPaused: Bool) {
        guard let connection = slab.find(id),
            connection.pointee.phase != .closing, connection.pointee.phase != .lingering
        else { return }
        connection.pointee.isPaused = isPaused
        updateInterest(id.index, connection)
    }

    /// Ends the connection when the peer's kernel confirms nothing of what was sent for so long (RFC 5482).
    func setUnacknowledgedMax(_ id: ConnectionID, seconds: Int) {
        guard let connection = slab.find(id), connection.pointee.descriptor >= 0 else { return }
        var milliseconds = UInt32(clamping: max(seconds, 0) * 1_000)
        setsockopt(
            connection.pointee.descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds,
            socklen_t(MemoryLayout<UInt32>.size))
    }

    // MARK: Going

    func close(_ id: ConnectionID, afterFlush: Bool) {
        guard let connection = slab.find(id) else { return }
        if afterFlush, connection.pointee.phase != .connecting, connection.pointee.phase != .securing {
            beginClosing(id.index, connection, .local)
        } else {
            end(id.index, connection, .local)
        }
    }

    private func beginClosing(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ cause: EndCause) {
        guard connection.pointee.phase == .open else { return }
        connection.pointee.phase = .closing
        connection.pointee.cause = cause
        connection.pointee.isPaused = false
        setEndTimer(index, connection, .seconds(configuration.flushSeconds))
        updateInterest(index, connection)
        guard connection.pointee.outbox.isEmpty else { return }
        // TLS says goodbye first, by a record.
        if connection.pointee.tls != nil { flush(index, connection) } else { finishClosing(index, connection) }
    }

    /// The outbox of a closing connection is empty: send our FIN, and wait for the peer's if we have not had it.
    func finishClosing(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        guard connection.pointee.phase == .closing else { return }
        if connection.pointee.isReadClosed { return end(index, connection, connection.pointee.cause) }
        linger(index, connection)
    }

    func linger(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        shutdown(connection.pointee.descriptor, Int32(SHUT_WR))
        connection.pointee.phase = .lingering
        setEndTimer(index, connection, .seconds(configuration.lingerSeconds))
    }

    private func setEndTimer(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ delay: Duration) {
        timers.cancel(connection.pointee.endTimer)
        let id = ConnectionID(index: index, generation: connection.pointee.generation)
        connection.pointee.endTimer = timers.schedule(at: deadline(after: delay), .endConnection, token: id.raw)
    }

    func endBroken(_ index: Int, _ connection: UnsafeMutablePointer<Connection>) {
        let code = socketError(connection.pointee.descriptor)
        end(index, connection, code == 0 ? .peerClosed : .failed(code))
    }

    /// Closes the descriptor now; `closed` is told at the end of the turn, and only then is the slot free.
    func end(_ index: Int, _ connection: UnsafeMutablePointer<Connection>, _ cause: EndCause) {
        guard connection.pointee.phase != .dead, connection.pointee.phase != .free else { return }
        if let session = connection.pointee.tls { countUnsecured(connection, session.takeUnretainedValue()) }
        connection.pointee.phase = .dead
        connection.pointee.cause = cause
        timers.cancel(connection.pointee.endTimer)
        connection.pointee.outbox.removeAll(&pool)
        if let session = connection.pointee.tls { endTLS(session.takeUnretainedValue()) }
        if connection.pointee.descriptor >= 0 { _ = Glibc.close(connection.pointee.descriptor) }
        connection.pointee.descriptor = -1
        liveCount -= 1
        dead.append(UInt32(index))
    }

    func endAll() {
        stopListening()
        for index in 0..<slab.slotCount {
            if let connection = slab.slot(index) { end(index, connection, .local) }
        }
    }

    /// The connection at `position` of the dead; `recycleDead` follows when all were told.
    func deadConnection(_ position: Int) -> (ConnectionID, CloseReason)? {
        let index = Int(dead[position])
        guard let connection = slab.slot(index) else { return nil }
        let reason: CloseReason
        switch connection.pointee.cause {
        case .peerClosed: reason = .peerClosed
        case .local: reason = .local
        case .outboxFull: reason = .outboxFull
        case .failed(let code): reason = .failed(code)
        case .tls:
            let error = connection.pointee.tls?.takeUnretainedValue().error
            reason = .tls(error ?? TLSError(.protocolFailure, "TLS failed."))
        }
        return (ConnectionID(index: index, generation: connection.pointee.generation), reason)
    }

    func recycleDead(_ count: Int) {
        for position in 0..<count {
            if let connection = slab.slot(Int(dead[position])) { releaseTLS(connection) }
            slab.give(Int(dead[position]))
        }
        dead.removeSubrange(0..<count)
    }
}

extension LoopCore {
    func isOpen(_ id: ConnectionID) -> Bool { slab.find(id)?.pointee.phase == .open }
}
