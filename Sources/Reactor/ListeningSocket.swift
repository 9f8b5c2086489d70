internal import CLinux
internal import Glibc

/// A bound socket that a loop can listen on.
public struct ListeningSocket: Sendable {
    let descriptor: Int32
    /// Where it listens: with the port the kernel chose when 0 was asked for.
    public let localAddress: SocketAddress

    /// Binds and listens. Sets SO_REUSEADDR, so that a restart does not wait for old connections; never SO_REUSEPORT,
    /// so that a second hub on the port gets `ReactorError.addressInUse` instead of half of the first one's devices.
    ///
    /// `backlog` is how many finished handshakes may wait for `accept`; the kernel caps it at `net.core.somaxconn`.
    public static func bind(to address: SocketAddress, backlog: Int32 = 4096) throws(ReactorError) -> ListeningSocket {
        let descriptor = socket(address.family, streamSocketFlags, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", code: errno) }
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
        let bound = address.withSystemAddress { Glibc.bind(descriptor, $0, $1) }
        guard bound == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let code = errno
            _ = Glibc.close(descriptor)
            if code == EADDRINUSE { throw .addressInUse(address) }
            throw .addressRefused(address, code: code)
        }
        let (_, local) = SocketAddress.read { Int(getsockname(descriptor, $0, &$1)) }
        return ListeningSocket(descriptor: descriptor, localAddress: local ?? address)
    }

    /// Takes over a socket that another process, systemd, has bound and listens on: its own descriptor, and so closing it
    /// leaves theirs, with who waits there.
    ///
    /// Throws `ReactorError.notListening` where it is none of TCP that listens.
    public static func inherit(descriptor: Int32) throws(ReactorError) -> ListeningSocket {
        for (option, wanted) in [(SO_TYPE, Int32(SOCK_STREAM.rawValue)), (SO_ACCEPTCONN, 1)] {
            var value: Int32 = -1
            var length = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0, value == wanted else {
                throw .notListening(descriptor: descriptor)
            }
        }
        let (_, local) = SocketAddress.read { Int(getsockname(descriptor, $0, &$1)) }
        // A Unix socket has an address that is none of ours.
        guard let local else { throw .notListening(descriptor: descriptor) }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw .system(call: "fcntl", code: errno) }
        return ListeningSocket(descriptor: descriptor, localAddress: local)
    }

    /// Closes it. Only for a socket that no loop was given: a loop closes its own.
    public func close() { _ = Glibc.close(descriptor) }
}

/// A connection that was accepted and belongs to no loop yet: adopt it on exactly one, or close it.
public struct AcceptedSocket: Sendable {
    let descriptor: Int32
    public let peer: SocketAddress
    // nonisolated(unsafe): the loop that detached it has let it go, and exactly one adopts it.
    nonisolated(unsafe) var tls: TLSSession?

    /// Turns the peer away, for example when the hub is full.
    public func close() {
        tls?.end()
        _ = Glibc.close(descriptor)
    }

    /// Turns the peer away with a last word, if the kernel takes it at once. Never waits.
    public func close(saying bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        _ = shutdown(descriptor, Int32(SHUT_WR))
        // A request that is here already would turn the close into a reset, which may overtake the word.
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) {
            _ = recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        close()
    }
}

let streamSocketFlags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

/// Turns a boolean option on. A failure is left alone: each of them is an improvement, not a condition.
func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32) {
    var on: Int32 = 1
    setsockopt(descriptor, level, name, &on, socklen_t(MemoryLayout<Int32>.size))
}
