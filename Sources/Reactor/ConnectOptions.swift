internal import CLinux
internal import Glibc

/// What an outgoing connection may be given before it connects.
public struct ConnectOptions: Sendable {
    /// The address to come from; the port is the kernel's choice. One address has some 28,000 ports towards one
    /// listener: who needs more connections comes from 127.0.0.2 and on.
    public var source: SocketAddress?
    /// The kernel's receive buffer in bytes, doubled by it; its own choice unless told. A reader that shall be slow
    /// needs a small one, or the kernel reads ahead for it.
    public var receiveBufferBytes: Int?

    /// Speaks TLS on it, and with whom; nil: plain.
    public var tls: TLSTarget?

    public init(source: SocketAddress? = nil, receiveBufferBytes: Int? = nil, tls: TLSTarget? = nil) {
        self.source = source
        self.receiveBufferBytes = receiveBufferBytes
        self.tls = tls
    }

    /// Returns 0 or the errno.
    func apply(to descriptor: Int32) -> Int32 {
        if let receiveBufferBytes {
            var bytes = Int32(clamping: receiveBufferBytes)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        guard let source else { return 0 }
        // The port is then chosen in connect, for the whole quadruple: without it an address has its ports once, and
        // not once for each listener.
        setOption(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT)
        return source.withSystemAddress { Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
    }
}
