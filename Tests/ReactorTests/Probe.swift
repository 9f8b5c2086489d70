import Foundation
import Reactor
import Testing

/// A handler whose behaviour a test sets, and whose mail is work to do on the loop.
final class Probe: LoopHandler {
    typealias Mail = @Sendable (Probe) -> Void

    struct Log: Sendable {
        var accepted: [AcceptedSocket] = []
        var connected: [ConnectionID] = []
        var secured: [ConnectionID: TLSPeer] = [:]
        var received: [ConnectionID: [UInt8]] = [:]
        var drained: [ConnectionID] = []
        var readClosed: [ConnectionID] = []
        var closed: [ConnectionID: [CloseReason]] = [:]
        var mailBatches = 0
        var timers: [UInt64] = []
    }

    let loop: EventLoop<Probe>
    let log: Guarded<Log>
    var onAccepted: (Probe, AcceptedSocket) -> Void = { probe, socket in probe.loop.adopt(socket) }
    var onSecured: (Probe, ConnectionID) -> Void = { _, _ in }
    var onReceived: (Probe, ConnectionID, UnsafeMutableRawBufferPointer) -> Void = { _, _, _ in }
    var onDrained: (Probe, ConnectionID) -> Void = { _, _ in }
    var onReadClosed: (Probe, ConnectionID) -> Void = { _, _ in }
    var onTimer: (Probe, UInt64) -> Void = { _, _ in }
    var keepsBytes = true

    init(_ loop: EventLoop<Probe>, _ log: Guarded<Log>) {
        self.loop = loop
        self.log = log
    }

    func accepted(_ socket: AcceptedSocket) {
        log.withLock { $0.accepted.append(socket) }
        onAccepted(self, socket)
    }
    func connected(_ id: ConnectionID) { log.withLock { $0.connected.append(id) } }
    func secured(_ id: ConnectionID, _ peer: TLSPeer) {
        log.withLock { $0.secured[id] = peer }
        onSecured(self, id)
    }
    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        if keepsBytes { log.withLock { $0.received[id, default: []].append(contentsOf: bytes) } }
        onReceived(self, id, bytes)
    }
    func drained(_ id: ConnectionID) {
        log.withLock { $0.drained.append(id) }
        onDrained(self, id)
    }
    func readClosed(_ id: ConnectionID) {
        log.withLock { $0.readClosed.append(id) }
        onReadClosed(self, id)
    }
    func closed(_ id: ConnectionID, _ reason: CloseReason) {
        log.withLock { $0.closed[id, default: []].append(reason) }
    }
    func mail(_ batch: ContiguousArray<Mail>) {
        log.withLock { $0.mailBatches += 1 }
        for work in batch { work(self) }
    }
    func timerFired(_ token: UInt64) {
        log.withLock { $0.timers.append(token) }
        onTimer(self, token)
    }
}

/// A probe's loop on its own thread.
struct ProbeLoop: Sendable {
    let log = Guarded(Probe.Log())
    let address: LoopAddress<Probe.Mail>

    init(
        _ configuration: LoopConfiguration = LoopConfiguration(), calls: SystemCalls = .real,
        _ set: @escaping @Sendable (Probe) -> Void = { _ in }
    ) throws {
        let log = log
        address = try EventLoop<Probe>.start(name: "probe", configuration: configuration, calls: calls) { loop in
            let probe = Probe(loop, log)
            set(probe)
            return probe
        }
    }

    /// Listens on a free port of the loopback.
    func listen() throws -> SocketAddress {
        let socket = try ListeningSocket.bind(to: .ipv4(port: 0))
        perform { probe in probe.loop.listen(on: socket) }
        return socket.localAddress
    }

    /// Does `work` on the loop and waits for its answer.
    @discardableResult
    func perform<Answer: Sendable>(_ work: @escaping @Sendable (Probe) -> Answer) -> Answer? {
        let answer = Guarded<Answer?>(nil)
        address.post { probe in
            let value = work(probe)
            answer.withLock { $0 = value }
        }
        eventually { answer.withLock { $0 != nil } }
        return answer.withLock { $0 }
    }

    func end() {
        address.stop()
        address.join()
    }
}

/// Waits up to ten seconds for `condition`, and records an issue when it does not come true.
func eventually(_ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation, _ condition: () -> Bool) {
    for _ in 0..<10_000 {
        if condition() { return }
        usleep(1000)
    }
    Issue.record(comment ?? "The condition never came true.", sourceLocation: location)
}

/// A blocking client on the loopback; each call gives up after ten seconds.
final class PlainClient {
    let descriptor: Int32

    init(_ address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var time = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = address.port.bigEndian
        four.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &four) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { _ = close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard result > 0 else { return }
            sent += result
        }
    }

    /// Up to `count` bytes, fewer when the stream ends or breaks first.
    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let result = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress.map { $0 + got }, count - got, 0)
            }
            guard result > 0 else { break }
            got += result
        }
        return Array(bytes[..<got])
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Bytes in which a lost, doubled or moved part shows.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt32 = 2_463_534_242
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return UInt8(truncatingIfNeeded: state)
    }
}

func echo(_ probe: Probe) {
    probe.keepsBytes = false
    probe.onReceived = { probe, id, bytes in probe.loop.send(id, UnsafeRawBufferPointer(bytes)) }
}
