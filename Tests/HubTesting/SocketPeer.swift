internal import Foundation
internal import Glibc
internal import Reactor
internal import WebSocket

/// A blocking TCP peer with a time limit: what a test says and hears, byte by byte.
package final class SocketPeer {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    private let descriptor: Int32
    private var input: [UInt8] = []
    private var tls: TLSStream?

    /// - Parameter tls: with it the handshake is done before this returns.
    package init(port: UInt16, receiveBufferBytes: Int32? = nil, tls offer: TLSOffer? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
        var time = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        tls = try offer.map { try TLSStream(descriptor, $0) }
    }

    deinit {
        if !isGone { close(descriptor) }
    }

    private var isGone = false

    /// Ends the connection by a reset: what is under way is lost on both sides.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        leave()
    }

    /// Ends the connection without a word, as a machine does that loses its power: no FIN, no reset. False where the
    /// system does not let us (that takes CAP_NET_ADMIN).
    package func vanish() -> Bool {
        // TCP_REPAIR (tcp(7)): what is closed so is forgotten, not ended.
        var on: Int32 = 1
        let isRepaired =
            setsockopt(descriptor, Int32(IPPROTO_TCP), 19, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
        if isRepaired { leave() }
        return isRepaired
    }

    /// Says that it will send no more; reads on.
    package func endWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    private func leave() {
        close(descriptor)
        isGone = true
    }

    /// The first name of the certificate that the hub showed.
    package var shownName: String { tls?.shownName ?? "" }
    package var staple: [UInt8] { tls?.staple ?? [] }

    /// TLS's own way to say that it will send no more.
    package func sayGoodbye() { tls?.sayGoodbye() }

    package func write(_ bytes: [UInt8]) throws {
        if let tls { return try tls.write(bytes) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    package func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// The next bytes; empty when the peer has closed; nil when nothing came in time.
    package func read(seconds: Double = 10) -> [UInt8]? {
        if let tls { return tls.read(seconds: seconds) }
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, Int32(seconds * 1_000)) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Everything up to and with `end`.
    package func read(until end: String, seconds: Double = 10) throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = input.firstRange(of: end) {
                let text = String(decoding: input[..<range.upperBound], as: UTF8.self)
                input.removeSubrange(..<range.upperBound)
                return text
            }
            guard let more = read(seconds: seconds), !more.isEmpty else {
                throw Failure(
                    description: "the hub said nothing more; so far: \(String(decoding: input, as: UTF8.self))")
            }
            input += more
        }
    }

    package func read(count: Int) throws -> [UInt8] {
        while input.count < count {
            guard let more = read(), !more.isEmpty else { throw Failure(description: "the hub said nothing more") }
            input += more
        }
        let taken = Array(input[..<count])
        input.removeSubrange(..<count)
        return taken
    }

    /// What came and was not asked for yet.
    package func takeInput() -> [UInt8] {
        defer { input = [] }
        return input
    }

    /// One HTTP exchange: status, head and body.
    package func exchange(_ request: String) throws -> (status: Int, head: String, body: String) {
        try write(request)
        let head = try read(until: "\r\n\r\n")
        let status = Int(head.split(separator: " ")[1]) ?? 0
        var length = 0
        for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length:") {
            length = Int(line.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        return (status, head, String(decoding: try read(count: length), as: UTF8.self))
    }
}
