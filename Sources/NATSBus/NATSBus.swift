#if NATS
    internal import CNats
    internal import Dispatch
    internal import Foundation
    internal import Reactor
    public import Storage

    /// A bus over one subject of a NATS server, with payloads.
    ///
    /// A message is its line, a line feed, and the payload. The connection is made off the caller's thread and made anew
    /// for as long as the bus runs, whatever ended it: a server that is away, one that was restarted, one that refuses
    /// our credentials for now.
    ///
    ///     idle --start--> connecting --up--> connected --lost--> connecting (the library's own tries)
    ///     connecting, connected --closed by the library--> resting --reconnectSeconds--> connecting
    ///     any --stop--> stopped
    ///
    /// All calls of the library that take the connection are made on `queue`. Its callbacks hold a ``NATSListener``
    /// that is retained once for each of the two that come last: the connection's `closed`, the subscription's
    /// `complete`. Nothing of ours is freed before.
    public final class NATSBus: Bus {
        public let carriesPayloads = true

        /// Bytes of messages that wait to be handed to the library; more is dropped. 16 MiB: some broadcasts of the
        /// largest kind. Who hears nothing looks into the store.
        private static let postedBytesMax = 16 << 20
        /// Messages and bytes that the library keeps for us before it drops some: then we say ``BusEvent/connected``.
        private static let heardCountMax: Int32 = 65_536
        private static let heardBytesMax: Int32 = 64 << 20
        /// Milliseconds from try to try, and as many again at random, so that hubs do not come back all at once.
        private static let retryMilliseconds: Int64 = 500
        /// Milliseconds for a try, and for the round trip after which the server is known to have our subscription.
        private static let tryMilliseconds: Int64 = 2_000
        /// A server that is silent is given up after three of these.
        private static let pingMilliseconds: Int64 = 5_000
        /// Bytes that the library buffers while it is away. The least: what is old helps nobody.
        private static let awayBytesMax: Int32 = 1_024

        private let url: String
        private let subject: String
        private let queue = DispatchQueue(label: "carillon.bus.nats", qos: .userInitiated)
        private let state = Guarded(State())

        private struct State {
            var listener: NATSListener?
            var connection: Handle?
            var subscription: Handle?
            var postedBytes = 0
            var isStopped = false
            var counts = NATSCounts()
        }

        /// A pointer of the library's, used on `queue` alone.
        private struct Handle: Sendable {
            private let bits: UInt
            init(_ pointer: OpaquePointer) { bits = UInt(bitPattern: pointer) }
            var pointer: OpaquePointer? { OpaquePointer(bitPattern: bits) }
        }

        /// - Parameters:
        ///   - url: `nats://` or `tls://`, with `user:password@` or `token@` where the server asks for them; several
        ///     with commas between.
        ///   - name: of the store, the same on each of its hubs: its generation or a configured name.
        public init(url: String, name: String) {
            self.url = url
            subject = "carillon.bus." + NATSBus.token(name)
        }

        /// What was dropped, and what was missed.
        public var counts: NATSCounts {
            state.withLock { state in
                var counts = state.counts
                counts.missed = state.listener?.missed ?? 0
                return counts
            }
        }

        public func start(_ receive: @escaping @Sendable (BusEvent) -> Void) {
            let listener = NATSListener(receive)
            state.withLock { $0.listener = listener }
            listener.onClosed = { [weak self] in self?.connectLater() }
            queue.async { [weak self] in self?.connect() }
        }

        public func post(_ message: BusMessage) {
            let bytes = message.line.utf8.count + 1 + message.payload.count
            let isTaken = state.withLock { state in
                guard !state.isStopped, state.listener?.isConnected == true,
                    state.postedBytes + bytes <= NATSBus.postedBytesMax
                else {
                    state.counts.dropped += 1
                    return false
                }
                state.postedBytes += bytes
                return true
            }
            guard isTaken else { return }
            queue.async { [self] in
                publish(message)
                state.withLock { $0.postedBytes -= bytes }
            }
        }

        /// Not to be called from `receive`, for whose end it waits.
        public func stop() {
            let listener = state.withLock { state in
                state.isStopped = true
                return state.listener
            }
            listener?.stop()
            queue.sync { release() }
        }

        // MARK: On the queue

        private func connect() {
            guard let listener = state.withLock({ $0.isStopped ? nil : $0.listener }) else { return }
            release()
            var options: OpaquePointer?
            guard natsOptions_Create(&options) == NATS_OK else { return connectLater() }
            defer { natsOptions_Destroy(options) }
            let closure = Unmanaged.passRetained(listener).toOpaque()
            configure(options, closure)
            var connection: OpaquePointer?
            let status = natsConnection_Connect(&connection, options)
            guard status == NATS_OK || status == NATS_NOT_YET_CONNECTED, let connection else {
                // No connection, so no callback either.
                Unmanaged<NATSListener>.fromOpaque(closure).release()
                listener.disconnected(NATSBus.sentence(status))
                return connectLater()
            }
            state.withLock { $0.connection = Handle(connection) }
            guard subscribe(connection, listener) else { return natsConnection_Close(connection) }
            if status == NATS_OK {
                listener.connected(connection)
            } else {
                listener.disconnected("the server is away")
            }
        }

        private func configure(_ options: OpaquePointer?, _ closure: UnsafeMutableRawPointer) {
            natsOptions_SetURL(options, url)
            if url.split(separator: ",").contains(where: { $0.hasPrefix("tls://") }) {
                natsOptions_SetSecure(options, true)
            }
            natsOptions_SetName(options, "carillon")
            natsOptions_SetTimeout(options, NATSBus.tryMilliseconds)
            natsOptions_SetNoEcho(options, true)
            natsOptions_SetMaxReconnect(options, -1)
            natsOptions_SetReconnectWait(options, NATSBus.retryMilliseconds)
            natsOptions_SetReconnectJitter(options, NATSBus.retryMilliseconds, NATSBus.retryMilliseconds)
            natsOptions_SetReconnectBufSize(options, NATSBus.awayBytesMax)
            natsOptions_SetPingInterval(options, NATSBus.pingMilliseconds)
            natsOptions_SetMaxPingsOut(options, 2)
            natsOptions_SetWriteDeadline(options, NATSBus.pingMilliseconds)
            natsOptions_SetRetryOnFailedConnect(options, true, NATSListener.connected, closure)
            natsOptions_SetReconnectedCB(options, NATSListener.connected, closure)
            natsOptions_SetDisconnectedCB(options, NATSListener.disconnected, closure)
            natsOptions_SetClosedCB(options, NATSListener.closed, closure)
            // The library's own handler writes to standard error.
            natsOptions_SetErrorHandler(options, { _, _, _, _ in }, nil)
        }

        private func subscribe(_ connection: OpaquePointer, _ listener: NATSListener) -> Bool {
            let closure = Unmanaged.passRetained(listener).toOpaque()
            var subscription: OpaquePointer?
            guard natsConnection_Subscribe(&subscription, connection, subject, NATSListener.heard, closure) == NATS_OK,
                let subscription
            else {
                Unmanaged<NATSListener>.fromOpaque(closure).release()
                return false
            }
            natsSubscription_SetPendingLimits(subscription, NATSBus.heardCountMax, NATSBus.heardBytesMax)
            natsSubscription_SetOnCompleteCB(subscription, NATSListener.complete, closure)
            state.withLock { $0.subscription = Handle(subscription) }
            return true
        }

        private func connectLater() {
            guard !state.withLock({ $0.isStopped }) else { return }
            let wait = NATSBus.retryMilliseconds + Int64.random(in: 0...NATSBus.retryMilliseconds)
            queue.asyncAfter(deadline: .now() + .milliseconds(Int(wait))) { [weak self] in self?.connect() }
        }

        /// Ends what is open. Callbacks that are under way keep their listener.
        private func release() {
            let (connection, subscription) = state.withLock { state in
                defer { (state.connection, state.subscription) = (nil, nil) }
                return (state.connection, state.subscription)
            }
            if let connection { natsConnection_Close(connection.pointer) }
            if let subscription { natsSubscription_Destroy(subscription.pointer) }
            if let connection { natsConnection_Destroy(connection.pointer) }
        }

        private func publish(_ message: BusMessage) {
            guard let connection = state.withLock({ $0.isStopped ? nil : $0.connection })?.pointer else { return }
            var bytes = Array(message.line.utf8)
            bytes.append(UInt8(ascii: "\n"))
            let room = natsConnection_GetMaxPayload(connection)
            let isWhole = Int64(bytes.count + message.payload.count) <= room
            if isWhole { bytes += message.payload }
            let status = bytes.withUnsafeBytes {
                natsConnection_Publish(connection, subject, $0.baseAddress, Int32(clamping: $0.count))
            }
            state.withLock { state in
                if status != NATS_OK { state.counts.dropped += 1 }
                if !isWhole { state.counts.withoutPayload += 1 }
            }
        }

        // MARK: Text

        /// A name as one token of a subject: all but letters, digits, `-` and `_` by their bytes.
        static func token(_ name: String) -> String {
            name.utf8.reduce(into: "") { token, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    token.unicodeScalars.append(Unicode.Scalar(byte))
                default: token += "_" + String(byte, radix: 16)
                }
            }
        }

        static func sentence(_ status: natsStatus) -> String {
            natsStatus_GetText(status).map { String(cString: $0) } ?? "NATS status \(status.rawValue)"
        }
    }

    /// What a bus could not do, since it was made.
    public struct NATSCounts: Sendable, Equatable {
        /// Messages that were not sent: no connection, or too many waited.
        public var dropped = 0
        /// Messages whose payload was over the server's `max_payload`; their line was sent.
        public var withoutPayload = 0
        /// Messages of others that we were too slow for.
        public var missed = 0

        public init(dropped: Int = 0, withoutPayload: Int = 0, missed: Int = 0) {
            (self.dropped, self.withoutPayload, self.missed) = (dropped, withoutPayload, missed)
        }
    }
#endif
