internal import COpenSSL

/// The TLS of one connection, on whichever loop it is.
///
///     asleep -> handshaking -> established -> ended
///
/// - asleep: a server's side before the first byte; it has no SSL, so that a peer who says nothing costs nothing.
/// - ended: by a failure, which `error` tells.
final class TLSSession {
    enum Side {
        case server(TLSServer)
        case client(TLSTarget)
    }

    enum Progress {
        case wantsMore
        case done
        case failed
    }

    /// Bytes that a peer may send before its handshake is done: a ClientHello is below 2 KiB, a chain of client
    /// certificates below 10, and OpenSSL's own bound for a message is 100.
    static let handshakeBytesMax = 64 * 1024

    /// Messages without data, and answers to them, between one byte of data and the next: updates of keys (RFC 8446
    /// 4.6.3), tickets, attempts to renegotiate. Each costs more than its bytes, and nobody has a use for many: so
    /// BoringSSL stops at 32 updates.
    static let idleMessagesMax = 64

    let side: Side
    private(set) var ssl: OpaquePointer?
    /// Records that the kernel has not taken. At most `TLSChannel.corkBytes`, and what a handshake wrote.
    var sealed = Outbox()
    var error: TLSError?
    /// Received before the handshake was done.
    var handshakeBytes = 0
    private var idleMessages = 0
    /// Our close_notify is written.
    var hasSaidGoodbye = false
    /// Opened bytes are with the handler: nobody may take the connection away before it has seen them.
    var isDelivering = false
    /// What the server had read when the handshake began, which stays what this connection uses.
    private var contexts: TLSContexts?

    init(_ side: Side) { self.side = side }

    deinit { end() }

    var isServer: Bool {
        if case .server = side { return true }
        return false
    }

    /// Frees the SSL. What `error` says stays.
    func end() {
        guard let ssl else { return }
        // Else OpenSSL takes the session for broken, and its ticket for one that may not be used again.
        if SSL_is_init_finished(ssl) == 1, error == nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN) }
        SSL_free(ssl)
        ERR_clear_error()
        self.ssl = nil
    }

    // MARK: Handshake

    /// Makes the SSL; false, and `error`, where that cannot be done.
    func begin(on channel: TLSChannel) -> Bool {
        guard ssl == nil else { return true }
        ERR_clear_error()
        switch side {
        case .server(let server):
            let contexts = server.contexts
            self.contexts = contexts
            ssl = SSL_new(contexts.first.pointer)
            if let ssl { SSL_set_accept_state(ssl) }
        case .client(let target):
            ssl = target.client.newSSL(for: target.host)
        }
        guard ssl != nil else {
            error = TLSError(.protocolFailure, "TLS could not begin: \(TLSError.libraryReason()).")
            return false
        }
        attach(to: channel)
        return true
    }

    /// Reads and writes by this loop's channel from now on.
    func attach(to channel: TLSChannel) {
        guard let ssl else { return }
        // One reference for both directions (SSL_set_bio(3)).
        BIO_up_ref(channel.bio)
        SSL_set_bio(ssl, channel.bio, channel.bio)
    }

    func detach() {
        guard let ssl else { return }
        SSL_set_bio(ssl, nil, nil)
    }

    func handshake(_ channel: TLSChannel) -> Progress {
        let result = channel.call(self) { ssl -> Progress in
            let result = SSL_do_handshake(ssl)
            if result == 1 { return .done }
            return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ? .wantsMore : .failed
        }
        if case .failed? = result, error == nil { error = handshakeFailure() }
        return result ?? .failed
    }

    /// What `SSL_set_SSL_CTX` is to take for this name; nil where there is nothing better than the first.
    func context(for name: UnsafePointer<CChar>) -> TLSContext? { contexts?.context(for: name) }

    /// The stapled response of the certificate that is shown.
    func staple(for ssl: OpaquePointer) -> [UInt8]? { contexts?.staple(of: SSL_get_SSL_CTX(ssl)) }

    // MARK: Data

    /// What came of a stretch of records.
    struct Opened {
        var count = 0
        /// The peer's close_notify came.
        var isAtEnd = false
        var isBroken = false
    }

    /// Opens all that the channel was offered. `buffer` is larger than that, so that nothing opened stays in the SSL,
    /// where no event of the kernel's would tell of it.
    func open(_ channel: TLSChannel, into buffer: UnsafeMutableRawBufferPointer) -> Opened {
        let opened = channel.call(self) { ssl -> Opened in
            var opened = Opened()
            while let base = buffer.baseAddress, opened.count < buffer.count {
                let room = Int32(clamping: buffer.count - opened.count)
                let answers = TLSSession.idleMessagesMax - idleMessages
                (channel.state.pointee.isDry, channel.state.pointee.answersLeft) = (false, answers)
                let result = SSL_read(ssl, base + opened.count, room)
                let answersLeft = channel.state.pointee.answersLeft
                idleMessages += answers - answersLeft
                if result > 0, answersLeft >= 0 {
                    opened.count += Int(result)
                    idleMessages = 0
                    continue
                }
                switch SSL_get_error(ssl, result) {
                case SSL_ERROR_WANT_READ:
                    if !channel.state.pointee.isDry { idleMessages += 1 }
                    if idleMessages <= TLSSession.idleMessagesMax {
                        if channel.state.pointee.isDry { return opened }
                        continue
                    }
                    opened.isBroken = true
                case SSL_ERROR_ZERO_RETURN: opened.isAtEnd = true
                default: opened.isBroken = true
                }
                if idleMessages > TLSSession.idleMessagesMax {
                    opened.isBroken = true
                    error = TLSError(
                        .protocolFailure,
                        "The other side sent more than \(TLSSession.idleMessagesMax) TLS messages without data.")
                }
                return opened
            }
            return opened
        }
        guard var opened else { return Opened(isBroken: true) }
        // Cannot be, by the buffers' sizes; were it, bytes would be lost in silence.
        if channel.state.pointee.incomingCount > 0, !opened.isAtEnd, !opened.isBroken { opened.isBroken = true }
        if opened.isBroken, error == nil { error = dataFailure() }
        return opened
    }

    /// Writes one record, or more for more than 16 KiB, into the channel.
    func seal(_ channel: TLSChannel, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let isSealed = channel.call(self) { SSL_write($0, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) }
        if isSealed == true { return true }
        if error == nil { error = dataFailure() }
        return false
    }

    /// Writes our close_notify (RFC 8446 6.1).
    func sayGoodbye(_ channel: TLSChannel) {
        guard !hasSaidGoodbye else { return }
        hasSaidGoodbye = true
        _ = channel.call(self) { ssl in
            if SSL_is_init_finished(ssl) == 1 { SSL_shutdown(ssl) }
        }
    }
}
