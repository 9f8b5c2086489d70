/// What a loop tells: one object per loop, created and called on the loop's thread only.
///
/// Every call may send to, close or schedule anything on its loop. `closed` comes exactly once for each ID that `adopt`
/// or `connect` returned, unless it was detached, at the end of a turn and never from inside another call; after it the
/// slot is reused.
public protocol LoopHandler: AnyObject, SendableMetatype {
    associatedtype Mail: Sendable

    /// A connection came in, on the loop that listens. Adopt it here, or mail it to the loop that shall have it.
    func accepted(_ socket: AcceptedSocket)
    /// An outgoing connection stands, with TLS after its handshake. What was sent before goes out now.
    func connected(_ id: ConnectionID)
    /// The TLS handshake of a connection that came in is done; before it nothing is received.
    func secured(_ id: ConnectionID, _ peer: TLSPeer)
    /// Bytes came, at least one. They lie in the loop's shared receive buffer: valid until return, free to be changed.
    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer)
    /// An outbox that was blocked, or above `outboxLowWaterBytes`, is empty.
    func drained(_ id: ConnectionID)
    /// The peer will send no more: its FIN came, or its close_notify. TLS tells the two apart and we do not: HTTP and
    /// WebSocket have lengths of their own, by which a cut-off message shows (RFC 9112 9.8). Unless `keepsHalfOpen`, the loop flushes and closes after this.
    func readClosed(_ id: ConnectionID)
    func closed(_ id: ConnectionID, _ reason: CloseReason)
    /// Everything that was in the mailbox, in order, never empty.
    func mail(_ batch: ContiguousArray<Mail>)
    func timerFired(_ token: UInt64)
    /// What this turn sent is with the kernel, or waits for a peer that reads slowly. For measuring: nothing is to be
    /// sent here.
    func turnEnded()
}

extension LoopHandler {
    public func accepted(_ socket: AcceptedSocket) { socket.close() }
    public func connected(_ id: ConnectionID) {}
    public func secured(_ id: ConnectionID, _ peer: TLSPeer) {}
    public func drained(_ id: ConnectionID) {}
    public func readClosed(_ id: ConnectionID) {}
    public func timerFired(_ token: UInt64) {}
    public func turnEnded() {}
}
