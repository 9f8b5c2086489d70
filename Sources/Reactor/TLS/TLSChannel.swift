internal import COpenSSL
internal import Glibc

/// Where the TLS of a whole loop reads and writes: one BIO, shared by all its connections.
///
/// The loop receives into `incoming`, OpenSSL takes it from there to the last byte, and what it writes gathers behind
/// `outgoing`; so no call of OpenSSL meets a socket, and the system calls are the loop's own, one for many records.
/// Measured against a socket BIO for each connection: 1.05 to 1.20 of uWebSockets' speed, which shares one too, and
/// 0.89.
final class TLSChannel {
    /// Plain memory, because the BIO's callbacks reach it by a pointer, without a reference count.
    struct State {
        var incoming: UnsafeRawPointer?
        var incomingCount = 0
        var outgoing: UnsafeMutableRawPointer
        var outgoingCount = 0
        var outgoingCapacity: Int
        /// OpenSSL asked for bytes when there were none left.
        var isDry = false
        /// Records that OpenSSL may write yet, on its own, while it reads; below 0 when it wanted more.
        var answersLeft = Int.max
        /// Whose call is under way.
        var session: Unmanaged<TLSSession>?
    }

    /// The most that one record carries (RFC 8446 5.1).
    static let recordBytesMax = 16 * 1024
    /// What a record may have around that: header, nonce, content type and tag; generously.
    static let recordOverheadMax = 256
    /// Sealed bytes that go to one send: four full records. More would leave the cache; a handshake's flight alone may
    /// be longer.
    static let corkBytes = 4 * (recordBytesMax + recordOverheadMax)
    /// A flight of a handshake, which is as long as our own chain of certificates, may not be longer.
    static let outgoingBytesMax = 1 << 20

    let state: UnsafeMutablePointer<State>
    let bio: OpaquePointer
    /// What the kernel gave, before it is opened.
    let received: UnsafeMutableRawBufferPointer
    /// Where the segments of an outbox become one record.
    let record: UnsafeMutableRawPointer

    // nonisolated(unsafe): made once, never written again, and OpenSSL's methods are shared between threads.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "carillon loop")
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_write(method) { bio, bytes, count in
            TLSChannel.write(bio, bytes, Int(count))
        }
        BIO_meth_set_read(method) { bio, bytes, count in
            TLSChannel.read(bio, bytes, Int(count))
        }
        return method
    }()

    /// Nil when there is no memory for a BIO.
    init?(receiveBytes: Int) {
        guard let bio = BIO_new(Self.method) else { return nil }
        self.bio = bio
        state = .allocate(capacity: 1)
        // By malloc, as it may have to grow.
        guard let outgoing = malloc(Self.corkBytes) else {
            BIO_free(bio)
            state.deallocate()
            return nil
        }
        state.initialize(to: State(outgoing: outgoing, outgoingCapacity: Self.corkBytes))
        received = .allocate(byteCount: receiveBytes, alignment: 64)
        record = .allocate(byteCount: Self.recordBytesMax, alignment: 64)
        BIO_set_data(bio, state)
    }

    deinit {
        // Sessions that outlive the loop were taken off this BIO when they were detached.
        BIO_set_data(bio, nil)
        BIO_free(bio)
        free(state.pointee.outgoing)
        state.deallocate()
        received.deallocate()
        record.deallocate()
    }

    /// The session whose call OpenSSL is in.
    static func session(of ssl: OpaquePointer?) -> TLSSession? {
        guard let ssl, let bio = SSL_get_rbio(ssl), let data = BIO_get_data(bio) else { return nil }
        return data.assumingMemoryBound(to: State.self).pointee.session?.takeUnretainedValue()
    }

    private static func write(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int) -> Int32 {
        BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        guard let bytes, count > 0, let data = BIO_get_data(bio) else { return -1 }
        let state = data.assumingMemoryBound(to: State.self)
        guard state.pointee.answersLeft > 0 else {
            state.pointee.answersLeft = -1
            return -1
        }
        state.pointee.answersLeft -= 1
        let needed = state.pointee.outgoingCount + count
        if needed > state.pointee.outgoingCapacity {
            guard needed <= outgoingBytesMax, let larger = realloc(state.pointee.outgoing, needed) else { return -1 }
            state.pointee.outgoing = larger
            state.pointee.outgoingCapacity = needed
        }
        memcpy(state.pointee.outgoing + state.pointee.outgoingCount, bytes, count)
        state.pointee.outgoingCount = needed
        return Int32(count)
    }

    private static func read(_ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int32 {
        BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        guard let bytes, count > 0, let data = BIO_get_data(bio) else { return -1 }
        let state = data.assumingMemoryBound(to: State.self)
        guard let incoming = state.pointee.incoming, state.pointee.incomingCount > 0 else {
            state.pointee.isDry = true
            BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return -1
        }
        let part = min(count, state.pointee.incomingCount)
        memcpy(bytes, incoming, part)
        state.pointee.incoming = incoming + part
        state.pointee.incomingCount -= part
        return Int32(part)
    }

    /// Runs one call of OpenSSL's for `session`, with an empty queue of errors before it.
    @inline(__always)
    func call<Result>(_ session: TLSSession, _ body: (OpaquePointer) -> Result) -> Result? {
        guard let ssl = session.ssl else { return nil }
        state.pointee.session = .passUnretained(session)
        state.pointee.answersLeft = .max
        defer { state.pointee.session = nil }
        ERR_clear_error()
        return body(ssl)
    }

    /// What OpenSSL has written, until `forgetOutgoing`.
    var outgoing: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: state.pointee.outgoing, count: state.pointee.outgoingCount)
    }

    func forgetOutgoing() { state.pointee.outgoingCount = 0 }

    func offer(_ bytes: UnsafeRawBufferPointer) {
        state.pointee.incoming = bytes.baseAddress
        state.pointee.incomingCount = bytes.count
    }

    /// Nothing of one connection's may reach the next.
    func forgetIncoming() {
        state.pointee.incoming = nil
        state.pointee.incomingCount = 0
    }
}
