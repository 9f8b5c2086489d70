internal import Foundation
internal import HTTP
internal import Reactor
internal import WebSocket
internal import Wire

/// One attacker: it repeats its kind of attack until it is told to stop.
struct HostilePeer {
    let number: Int
    let kind: HostileKind
    let address: SocketAddress
    /// A good key, for attacks from within.
    let key: String
    let isStopped: @Sendable () -> Bool
    var tally = HostileTally()
    /// Of this attacker, from its beginning: what takes turns goes by it.
    private(set) var turn = 0
    var random = SystemRandomNumberGenerator()
    /// Of this round.
    private var sockets: [HostileSocket] = []

    init(
        number: Int, kind: HostileKind, address: SocketAddress, key: String, isStopped: @escaping @Sendable () -> Bool
    ) {
        self.number = number
        self.kind = kind
        self.address = address
        self.key = key
        self.isStopped = isStopped
    }

    /// One round, and the rest after it.
    mutating func attackOnce() {
        tally.rounds += 1
        turn += 1
        perform()
        for socket in sockets {
            tally.bytesSent += socket.bytesSent
            if socket.isCutOff { tally.cutOff += 1 }
            socket.close()
        }
        sockets.removeAll()
        rest(milliseconds: Int.random(in: HostileLimits.restMilliseconds, using: &random))
    }

    private mutating func perform() {
        switch kind {
        case .slowHead: slowHead()
        case .slowBody: slowBody()
        case .slowFrame: slowFrame()
        case .slowHello: slowHello()
        case .abandoned: abandoned()
        case .halfClosed: halfClosed()
        case .reset: reset()
        case .garbage: garbage()
        case .badFrames: badFrames()
        case .oversize: oversize()
        case .jsonBomb: jsonBomb()
        case .compressionBomb: compressionBomb()
        case .pipelining: pipelining()
        case .wrongKey: wrongKey()
        case .stalledReader: stalledReader()
        case .churn: churn()
        case .tlsGarbage: tlsGarbage()
        }
    }

    // MARK: What attacks are made of

    mutating func connect(receiveBufferBytes: Int32? = nil) -> HostileSocket? {
        guard sockets.count < HostileLimits.connectionsPerPeer,
            let socket = HostileSocket(address, receiveBufferBytes: receiveBufferBytes, isStopped: isStopped)
        else {
            tally.refused += 1
            rest(milliseconds: 50)
            return nil
        }
        tally.connections += 1
        sockets.append(socket)
        return socket
    }

    /// An upgrade's request.
    mutating func upgradeRequest(key: String, compressed: Bool = false) -> [UInt8] {
        let nonce = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        var fields = [("Host", address.description)]
        fields += Handshake.requestFields(
            key: Handshake.key(nonce: nonce), subprotocols: [CarillonProtocol.subprotocol])
        fields.append(("Authorization", "Bearer \(key)"))
        if compressed { fields.append(("Sec-WebSocket-Extensions", "permessage-deflate")) }
        var bytes: [UInt8] = []
        RequestWriter.append(method: "GET", target: "/v1/socket", fields: fields, body: nil, into: &bytes)
        return bytes
    }

    /// A connection whose upgrade was granted.
    mutating func upgraded(receiveBufferBytes: Int32? = nil, compressed: Bool = false) -> HostileSocket? {
        guard let socket = connect(receiveBufferBytes: receiveBufferBytes),
            socket.send(upgradeRequest(key: key, compressed: compressed))
        else { return nil }
        let answer = socket.receive(seconds: 5) { $0.suffix(4).elementsEqual("\r\n\r\n".utf8) }
        return answer.starts(with: "HTTP/1.1 101".utf8) ? socket : nil
    }

    /// A session that was welcomed.
    mutating func session(receiveBufferBytes: Int32? = nil, compressed: Bool = false) -> HostileSocket? {
        guard let socket = upgraded(receiveBufferBytes: receiveBufferBytes, compressed: compressed), socket.send(hello)
        else { return nil }
        let welcome = socket.receive(seconds: 5) { !$0.isEmpty }
        return welcome.isEmpty ? nil : socket
    }

    /// A device of this peer's own, always the same.
    var hello: [UInt8] { Self.frame(0x81, #"{"type":"hello","protocol":1,"device":"hostile-\#(number)"}"#) }

    static func frame(_ first: UInt8, _ text: String) -> [UInt8] { frame(first, Array(text.utf8)) }

    /// A frame of a client, masked with a key of zeros: the payload is as it is. `first` is its first octet, as wrong as
    /// it may be.
    static func frame(_ first: UInt8, _ payload: [UInt8], announced: UInt64? = nil) -> [UInt8] {
        let count = announced ?? UInt64(payload.count)
        var bytes = [first]
        if count < 126 {
            bytes.append(0x80 | UInt8(count))
        } else {
            let octets = count < 65_536 ? 2 : 8
            bytes.append(0x80 | (octets == 2 ? 126 : 127))
            for place in (0..<octets).reversed() { bytes.append(UInt8(truncatingIfNeeded: count >> UInt64(8 * place))) }
        }
        return bytes + [0, 0, 0, 0] + payload
    }

    mutating func noise(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Byte by byte until the hub has had enough.
    func drip(_ bytes: [UInt8], into socket: HostileSocket, everyMilliseconds: Int) {
        let end = Monotonic.now + UInt64(HostileLimits.roundSeconds * 1e9)
        for byte in bytes {
            guard !isStopped(), Monotonic.now < end, !socket.hasEnded, socket.send([byte]) else { return }
            rest(milliseconds: everyMilliseconds)
        }
    }

    /// Holds a connection until the hub ends it.
    func hold(_ sockets: [HostileSocket], seconds: Double = HostileLimits.roundSeconds) {
        let end = Monotonic.now + UInt64(seconds * 1e9)
        while !isStopped(), Monotonic.now < end, !sockets.allSatisfy(\.hasEnded) { rest(milliseconds: 100) }
    }

    func rest(milliseconds: Int) {
        var left = milliseconds
        while left > 0, !isStopped() {
            Thread.sleep(forTimeInterval: Double(min(left, 100)) / 1_000)
            left -= 100
        }
    }
}
