internal import CLinux
internal import Glibc

/// The system calls of a loop, with a place where tests make them fail or come short.
///
/// In production `fault` is nil: one predictable branch before a call that costs a thousand times as much. A generic
/// parameter would save the branch and put a second type on every signature of the module.
public struct SystemCalls: Sendable {
    public enum Call: Hashable, Sendable { case receive, send, accept, wait }

    public enum Fault: Hashable, Sendable {
        /// The call fails with this errno, and does nothing.
        case error(Int32)
        /// The call moves at most this many bytes.
        case atMost(Int)
    }

    public static let real = SystemCalls(fault: nil)

    let fault: (@Sendable (Call) -> Fault?)?

    /// `fault` is asked before each call, on the loop's thread; nil lets the call through.
    public init(fault: (@Sendable (Call) -> Fault?)?) { self.fault = fault }

    // Each returns what the kernel returned, or the errno negated.

    func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = buffer.count
        switch fault?(.receive) {
        case .error(let code): return -Int(code)
        case .atMost(let limit): count = min(count, limit)
        case nil: break
        }
        return checked(Glibc.recv(descriptor, buffer.baseAddress, count, 0))
    }

    // MSG_NOSIGNAL, and so sendmsg instead of writev: no SIGPIPE, whatever the process does about signals.
    func send(_ descriptor: Int32, _ parts: UnsafeMutablePointer<iovec>, count: Int) -> Int {
        var length = parts.pointee.iov_len
        var isWhole = true
        switch fault?(.send) {
        case .error(let code): return -Int(code)
        case .atMost(let limit):
            isWhole = false
            length = min(length, limit)
        case nil: break
        }
        if count == 1 || !isWhole {
            return checked(Glibc.send(descriptor, parts.pointee.iov_base, length, Int32(MSG_NOSIGNAL)))
        }
        var message = msghdr()
        message.msg_iov = parts
        message.msg_iovlen = count
        return checked(Glibc.sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)))
    }

    func accept(_ descriptor: Int32) -> (Int, SocketAddress?) {
        if case .error(let code) = fault?(.accept) { return (-Int(code), nil) }
        return SocketAddress.read { address, length in
            let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            return checked(Int(accept4(descriptor, address, &length, flags)))
        }
    }

    func wait(_ set: Int32, _ events: UnsafeMutableBufferPointer<epoll_event>, block: Bool) -> Int {
        if case .error(let code) = fault?(.wait) { return -Int(code) }
        return checked(Int(epoll_wait(set, events.baseAddress, Int32(events.count), block ? -1 : 0)))
    }
}

/// A result, or the errno negated.
private func checked(_ result: Int) -> Int { result < 0 ? -Int(errno) : result }
