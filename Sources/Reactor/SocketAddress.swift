internal import CLinux
internal import Dispatch
internal import Glibc

/// An IP address and a port.
public struct SocketAddress: Hashable, Sendable {
    enum Host: Hashable, Sendable {
        /// In network order, as the kernel holds it.
        case ipv4(UInt32)
        case ipv6(high: UInt64, low: UInt64, scope: UInt32)
    }

    let host: Host
    public var port: UInt16

    /// `a.b.c.d`, loopback unless told.
    public static func ipv4(_ a: UInt8 = 127, _ b: UInt8 = 0, _ c: UInt8 = 0, _ d: UInt8 = 1, port: UInt16) -> Self {
        let value = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
        return SocketAddress(host: .ipv4(value.bigEndian), port: port)
    }

    /// The IPv6 loopback, `::1`.
    public static func ipv6Loopback(port: UInt16) -> Self {
        SocketAddress(host: .ipv6(high: 0, low: UInt64(1).bigEndian, scope: 0), port: port)
    }

    /// Reads an IPv4 or IPv6 address in text, with or without brackets. Names are for `resolve`.
    public static func parse(_ text: String, port: UInt16) throws(ReactorError) -> Self {
        var bare = text[...]
        if bare.hasPrefix("["), bare.hasSuffix("]") { bare = bare.dropFirst().dropLast() }
        let host = String(bare)
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 { return SocketAddress(host: .ipv4(four.s_addr), port: port) }
        var six = in6_addr()
        if inet_pton(AF_INET6, host, &six) == 1 {
            return SocketAddress(host: host6(six, scope: 0), port: port)
        }
        throw .addressMalformed(text)
    }

    /// Asks the resolver for every stream address of `host`, in its order of preference.
    ///
    /// `getaddrinfo` blocks, so it runs on a Dispatch queue; `completion` is called there.
    public static func resolve(
        host: String, port: UInt16, completion: @escaping @Sendable (Result<[SocketAddress], ReactorError>) -> Void
    ) {
        DispatchQueue.global().async {
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            let code = getaddrinfo(host, String(port), &hints, &list)
            defer { if let list { freeaddrinfo(list) } }
            guard code == 0 else {
                let reason = code == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(code))
                completion(.failure(.unresolved(host: host, reason: reason)))
                return
            }
            var found: [SocketAddress] = []
            var entry = list
            while let info = entry {
                if let address = SocketAddress(info.pointee.ai_addr), !found.contains(address) { found.append(address) }
                entry = info.pointee.ai_next
            }
            completion(
                found.isEmpty
                    ? .failure(.unresolved(host: host, reason: "it has no IPv4 or IPv6 address")) : .success(found))
        }
    }

    private static func host6(_ address: in6_addr, scope: UInt32) -> Host {
        withUnsafeBytes(of: address) { bytes in
            .ipv6(
                high: bytes.loadUnaligned(as: UInt64.self),
                low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self), scope: scope)
        }
    }

    var family: Int32 {
        switch host {
        case .ipv4: return AF_INET
        case .ipv6: return AF_INET6
        }
    }

    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let four = raw.loadUnaligned(as: sockaddr_in.self)
            self.init(host: .ipv4(four.sin_addr.s_addr), port: UInt16(bigEndian: four.sin_port))
        case AF_INET6:
            let six = raw.loadUnaligned(as: sockaddr_in6.self)
            self.init(
                host: Self.host6(six.sin6_addr, scope: six.sin6_scope_id), port: UInt16(bigEndian: six.sin6_port))
        default:
            return nil
        }
    }

    init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Lends the address in the kernel's form.
    func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch host {
        case .ipv4(let value):
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            four.sin_addr.s_addr = value
            return withUnsafePointer(to: &four) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .ipv6(let high, let low, let scope):
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            six.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &six.sin6_addr) { bytes in
                bytes.storeBytes(of: high, as: UInt64.self)
                bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            }
            return withUnsafePointer(to: &six) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
    }

    /// Reads an address that the kernel fills in (accept4, getsockname).
    static func read(_ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int) -> (Int, SocketAddress?) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let result = body(address, &length)
                return (result, result < 0 ? nil : SocketAddress(address))
            }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:8080` or `[::1]:8080`.
    public var description: String {
        switch host {
        case .ipv4: return "\(hostText):\(port)"
        case .ipv6: return "[\(hostText)]:\(port)"
        }
    }

    /// The address without its port: what rate limits are counted by and logs name.
    public var hostText: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            guard let start = text.baseAddress else { return "" }
            switch host {
            case .ipv4(let value):
                var four = in_addr(s_addr: value)
                inet_ntop(AF_INET, &four, start, socklen_t(text.count))
            case .ipv6(let high, let low, _):
                var six = (high, low)
                inet_ntop(AF_INET6, &six, start, socklen_t(text.count))
            }
            return String(cString: start)
        }
    }
}
