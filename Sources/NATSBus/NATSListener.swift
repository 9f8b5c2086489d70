#if NATS
    internal import CNats
    internal import Reactor
    internal import Storage

    /// What the library's threads call. One event at a time reaches `receive`, and none after ``stop()``.
    final class NATSListener: Sendable {
        private struct State {
            var isConnected = false
            var missed = 0
            var isStopped = false
            var onClosed: (@Sendable () -> Void)?
        }

        private let receive: @Sendable (BusEvent) -> Void
        /// Held while `receive` runs.
        private let gate = Lock()
        private let state = Guarded(State())

        init(_ receive: @escaping @Sendable (BusEvent) -> Void) {
            self.receive = receive
        }

        var isConnected: Bool { state.withLock { $0.isConnected } }
        var missed: Int { state.withLock { $0.missed } }

        /// Called when the library has given the connection up.
        var onClosed: (@Sendable () -> Void)? {
            get { state.withLock { $0.onClosed } }
            set { state.withLock { $0.onClosed = newValue } }
        }

        /// Returns when `receive` runs no more and will not again.
        func stop() {
            gate.withLock {
                state.withLock { state in
                    state.isStopped = true
                    state.isConnected = false
                    state.onClosed = nil
                }
            }
        }

        func connected(_ connection: OpaquePointer?) {
            // When the answer is here, the server has our subscription.
            guard natsConnection_FlushTimeout(connection, 2_000) == NATS_OK else { return }
            state.withLock { $0.isConnected = !$0.isStopped }
            tell(.connected)
        }

        func disconnected(_ reason: String) {
            state.withLock { $0.isConnected = false }
            tell(.disconnected(reason))
        }

        private func tell(_ event: BusEvent) {
            gate.withLock {
                if !state.withLock({ $0.isStopped }) { receive(event) }
            }
        }

        private func heard(_ bytes: UnsafeRawBufferPointer, missedInAll: Int) {
            let hasMissed = state.withLock { state in
                defer { state.missed = max(state.missed, missedInAll) }
                return missedInAll > state.missed
            }
            if hasMissed { tell(.connected) }
            let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
            guard end <= BusMessage.lineBytesMax,
                let line = String(validating: bytes[..<end], as: UTF8.self)
            else { return }
            tell(.message(BusMessage(line: line, payload: Array(bytes[end...].dropFirst()))))
        }

        // MARK: Callbacks of C, on the library's threads

        private static func listener(_ closure: UnsafeMutableRawPointer?) -> NATSListener? {
            closure.map { Unmanaged<NATSListener>.fromOpaque($0).takeUnretainedValue() }
        }

        static let connected: natsConnectionHandler = { connection, closure in
            listener(closure)?.connected(connection)
        }

        static let disconnected: natsConnectionHandler = { connection, closure in
            var text: UnsafePointer<CChar>?
            let status = natsConnection_GetLastError(connection, &text)
            let reason = text.map { String(cString: $0) } ?? ""
            listener(closure)?.disconnected(
                status == NATS_OK || reason.isEmpty ? "the connection to the server was lost" : reason)
        }

        /// The connection's last call: gives its reference back.
        static let closed: natsConnectionHandler = { _, closure in
            guard let closure else { return }
            let listener = Unmanaged<NATSListener>.fromOpaque(closure).takeRetainedValue()
            listener.state.withLock { $0.isConnected = false }
            listener.onClosed?()
        }

        static let heard: natsMsgHandler = { _, subscription, message, closure in
            defer { natsMsg_Destroy(message) }
            var missed: Int64 = 0
            _ = natsSubscription_GetDropped(subscription, &missed)
            let bytes = UnsafeRawBufferPointer(
                start: natsMsg_GetData(message), count: Int(natsMsg_GetDataLength(message)))
            listener(closure)?.heard(bytes, missedInAll: Int(missed))
        }

        /// The subscription's last call: gives its reference back.
        static let complete: natsOnCompleteCB = { closure in
            if let closure { Unmanaged<NATSListener>.fromOpaque(closure).release() }
        }
    }
#endif
