internal import Glibc
internal import Reactor

/// A connection of an attacker: what no honest program does with one, and never longer than it is told.
final class HostileSocket {
    private var descriptor: Int32
    private let isStopped: () -> Bool
    private(set) var bytesSent = 0
    /// Whether the hub ended it first.
    private(set) var isCutOff = false

    private static let sliceMilliseconds: Int32 = 50
    /// POLLRDHUP of poll(2), which Glibc's module does not show.
    private static let peerClosed: Int32 = 0x2000

    /// Nil where the hub does not take it.
    /// - Parameter receiveBufferBytes: small for one that never reads.
    init?(_ address: SocketAddress, receiveBufferBytes: Int32? = nil, isStopped: @escaping () -> Bool) {
        self.isStopped = isStopped
        let isIPv6 = address.hostText.contains(":")
        descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        if var bytes = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        guard connect(address, isIPv6) else {
            Glibc.close(descriptor)
            descriptor = -1
            return nil
        }
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
    }

    deinit { close() }

    /// Blocking: to this machine it is answered at once.
    private func connect(_ address: SocketAddress, _ isIPv6: Bool) -> Bool {
        if isIPv6 {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = address.port.bigEndian
            guard inet_pton(AF_INET6, address.hostText, &name.sin6_addr) == 1 else { return false }
            return connect(&name, MemoryLayout<sockaddr_in6>.size)
        }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        guard inet_pton(AF_INET, address.hostText, &name.sin_addr) == 1 else { return false }
        return connect(&name, MemoryLayout<sockaddr_in>.size)
    }

    private func connect(_ name: UnsafeMutableRawPointer, _ count: Int) -> Bool {
        Glibc.connect(descriptor, name.assumingMemoryBound(to: sockaddr.self), socklen_t(count)) == 0
    }

    /// Sends all of it; false where the hub is gone, takes nothing for `seconds`, or the attack ends.
    @discardableResult
    func send(_ bytes: [UInt8], seconds: Double = 5) -> Bool {
        var offset = 0
        let end = Monotonic.now + UInt64(seconds * 1e9)
        while offset < bytes.count {
            guard !isStopped(), Monotonic.now < end else { return false }
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + offset }, bytes.count - offset,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                offset += count
                bytesSent += count
            } else if errno == EAGAIN || errno == EINTR {
                _ = wait(POLLOUT)
            } else {
                isCutOff = true
                return false
            }
        }
        return true
    }

    /// What comes until `isEnough`, the end, or the time is over.
    func receive(seconds: Double, until isEnough: ([UInt8]) -> Bool = { _ in false }) -> [UInt8] {
        var received: [UInt8] = []
        let end = Monotonic.now + UInt64(seconds * 1e9)
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while !isStopped(), Monotonic.now < end, !isEnough(received) {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                // The beginning is enough to know what was answered.
                if received.count < 64 * 1024 { received += buffer[..<count] }
            } else if count < 0, errno == EAGAIN || errno == EINTR {
                _ = wait(POLLIN)
            } else {
                isCutOff = true
                return received
            }
        }
        return received
    }

    /// Whether the hub has ended it, without taking what it sent.
    var hasEnded: Bool {
        var asked = pollfd(fd: descriptor, events: Int16(Self.peerClosed), revents: 0)
        guard poll(&asked, 1, 0) > 0 else { return false }
        let ended = Int32(asked.revents) & (POLLHUP | POLLERR | Self.peerClosed) != 0
        if ended { isCutOff = true }
        return ended
    }

    func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends it by a reset: what lies in the kernel's buffers is thrown away.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    private func wait(_ events: Int32) -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&asked, 1, Self.sliceMilliseconds) > 0
    }
}
