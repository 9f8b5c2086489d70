internal import Foundation

/// Tells the service manager how we are: sd_notify(3) by hand, a datagram on the socket of `NOTIFY_SOCKET`.
struct ServiceNotice: Sendable {
    /// A path, or a name in the abstract namespace behind `@`.
    private let address: String
    /// Microseconds in which a watchdog's message is to come; nil: none is awaited.
    let watchdogMicroseconds: UInt64?

    init(address: String, watchdogMicroseconds: UInt64? = nil) {
        self.address = address
        self.watchdogMicroseconds = watchdogMicroseconds
    }

    /// Takes what the environment says, and unsets it: no child is to speak for us. Nil where nobody listens.
    static func take() -> ServiceNotice? {
        let environment = ProcessInfo.processInfo.environment
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) }
        guard let address = environment["NOTIFY_SOCKET"], address.hasPrefix("/") || address.hasPrefix("@") else {
            return nil
        }
        let isForUs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { UInt64($0) }.flatMap { $0 > 0 ? $0 : nil }
        return ServiceNotice(address: address, watchdogMicroseconds: isForUs ? microseconds : nil)
    }

    /// Sends `lines`, each NAME=VALUE. Never blocks; nobody listening is no reason to stop.
    func tell(_ lines: String...) {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var path = Array(address.utf8)
        let isAbstract = path.first == UInt8(ascii: "@")
        if isAbstract { path[0] = 0 }
        guard path.count < MemoryLayout.size(ofValue: name.sun_path) else { return }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path) }
        // An abstract name has no end but its length; a path ends with a zero.
        let length = MemoryLayout<sa_family_t>.size + path.count + (isAbstract ? 0 : 1)
        let text = Array(lines.joined(separator: "\n").utf8)
        _ = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }

    /// A reload begins; `READY=1` ends it. systemd wants to know when (`Type=notify-reload`).
    func tellReloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        tell("RELOADING=1", "MONOTONIC_USEC=\(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)")
    }
}
