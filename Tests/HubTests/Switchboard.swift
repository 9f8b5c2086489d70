import Dispatch
import Foundation
import Reactor
import Storage

/// Buses between the hubs of one process, that lose, delay, repeat and reorder what they are told to.
final class Switchboard: Sendable {
    enum Fault: Sendable {
        case none
        case drops
        /// Holds every message back until the next one, which goes first.
        case swaps
        case delays(seconds: Double)
    }

    private struct State {
        var fault = Fault.none
        var ports: [Port] = []
        var heldBack: (from: ObjectIdentifier, message: BusMessage)?
        var messages: [BusMessage] = []
        var disconnected = false
    }

    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "test.bus")
    let carriesPayloads: Bool

    init(carriesPayloads: Bool = false) {
        self.carriesPayloads = carriesPayloads
    }

    /// One hub's end.
    final class Port: Bus {
        let board: Switchboard
        private let receive = Guarded<(@Sendable (BusEvent) -> Void)?>(nil)
        var carriesPayloads: Bool { board.carriesPayloads }

        init(_ board: Switchboard) {
            self.board = board
        }

        func start(_ receive: @escaping @Sendable (BusEvent) -> Void) {
            self.receive.withLock { $0 = receive }
            board.started(self)
        }

        func post(_ message: BusMessage) { board.post(message, from: self) }

        func stop() {
            board.queue.sync {}
            receive.withLock { $0 = nil }
        }

        func hear(_ event: BusEvent) {
            receive.withLock { $0 }?(event)
        }
    }

    func port() -> Port {
        let port = Port(self)
        state.withLock { $0.ports.append(port) }
        return port
    }

    var fault: Fault {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }

    var messages: [BusMessage] { state.withLock { $0.messages } }

    func disconnect() {
        state.withLock { $0.disconnected = true }
        tellAll(.disconnected("the test says so"))
    }

    func connect() {
        state.withLock { $0.disconnected = false }
        tellAll(.connected)
    }

    /// A line that no hub of ours has sent.
    func inject(_ message: BusMessage) {
        tellAll(.message(message))
    }

    private func started(_ port: Port) {
        guard !state.withLock({ $0.disconnected }) else { return }
        queue.async { port.hear(.connected) }
    }

    private func tellAll(_ event: BusEvent) {
        let ports = state.withLock { $0.ports }
        queue.sync { for port in ports { port.hear(event) } }
    }

    private func post(_ message: BusMessage, from port: Port) {
        let (fault, isGone) = state.withLock { state in
            state.messages.append(message)
            return (state.fault, state.disconnected)
        }
        if isGone { return }
        switch fault {
        case .none: deliver(message)
        case .drops: break
        case .delays(let seconds): queue.asyncAfter(deadline: .now() + seconds) { self.deliverNow(message) }
        case .swaps:
            let earlier = state.withLock { state in
                defer { state.heldBack = state.heldBack == nil ? (ObjectIdentifier(port), message) : nil }
                return state.heldBack
            }
            if let earlier {
                deliver(message)
                deliver(earlier.message)
            }
        }
    }

    private func deliver(_ message: BusMessage) {
        queue.async { self.deliverNow(message) }
    }

    private func deliverNow(_ message: BusMessage) {
        for port in state.withLock({ $0.ports }) { port.hear(.message(message)) }
    }
}
