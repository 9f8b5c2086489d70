import Glibc

/// Why a socket or a loop could not be had.
public enum ReactorError: Error, Hashable, Sendable {
    /// Another process, often a second hub, listens there.
    case addressInUse(SocketAddress)
    /// A port below 1024 without the right to it, for example.
    case addressRefused(SocketAddress, code: Int32)
    /// Not an IPv4 or IPv6 address in text.
    case addressMalformed(String)
    /// The name has no address; `reason` is the resolver's sentence.
    case unresolved(host: String, reason: String)
    /// A descriptor that was handed over is no listening TCP socket.
    case notListening(descriptor: Int32)
    /// A system call failed with this errno.
    case system(call: String, code: Int32)
}

extension ReactorError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressInUse(let address):
            return "\(address) is in use: another process listens there. Stop it or choose another port."
        case .addressRefused(let address, let code):
            return "Cannot listen on \(address): \(Self.sentence(code)). Choose an address of this machine."
        case .addressMalformed(let text):
            return "\"\(text)\" is not an IPv4 or IPv6 address. Write it like 127.0.0.1 or ::1."
        case .unresolved(let host, let reason):
            return "Cannot find the address of \"\(host)\": \(reason)."
        case .notListening(let descriptor):
            return "File descriptor \(descriptor) is not a TCP socket that listens. Set ListenStream= to a port."
        case .system(let call, let code):
            return "\(call) failed: \(Self.sentence(code)) (errno \(code))."
        }
    }

    private static func sentence(_ code: Int32) -> String { String(cString: strerror(code)) }
}
