internal import Foundation
internal import Reactor

/// Sockets that systemd listens on for us: sd_listen_fds(3) by hand.
struct InheritedSockets {
    /// Where the hub listens; nil: nobody gave us a socket.
    var hub: ListeningSocket?
    /// `FileDescriptorName=metrics`: where the hub tells operators of itself.
    var operations: ListeningSocket?

    /// The first one: behind standard input, output and error (SD_LISTEN_FDS_START).
    static let firstDescriptor: Int32 = 3
    static let operationsName = "metrics"
    /// More than a unit of ours has any use for.
    static let countMax: Int32 = 16

    /// Takes what `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` say, and unsets them: no child is to take them too.
    ///
    /// - Throws: a `CommandFailure` where a descriptor is none that can be listened on.
    static func take() throws -> InheritedSockets {
        let environment = ProcessInfo.processInfo.environment
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        var sockets = InheritedSockets()
        guard let process = environment["LISTEN_PID"].flatMap({ Int32($0) }), process == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0
        else { return sockets }
        guard count <= countMax else {
            throw CommandFailure(
                .usage, "\(count) sockets were handed over.", remedy: "One for the hub, and one named metrics, will do."
            )
        }
        let names =
            environment["LISTEN_FDNAMES"].map { $0.split(separator: ":", omittingEmptySubsequences: false) } ?? []
        for number in 0..<count {
            let name = Int(number) < names.count ? names[Int(number)] : ""
            try sockets.add(firstDescriptor + number, named: String(name))
        }
        return sockets
    }

    private mutating func add(_ descriptor: Int32, named name: String) throws {
        let socket: ListeningSocket
        do throws(ReactorError) {
            socket = try ListeningSocket.inherit(descriptor: descriptor)
        } catch {
            throw CommandFailure(.usage, "A socket that was handed over cannot be used. \(error.description)")
        }
        if name == InheritedSockets.operationsName, operations == nil {
            operations = socket
        } else if hub == nil {
            hub = socket
        } else {
            throw CommandFailure(
                .usage, "More than one socket was handed over for the hub, the last on \(socket.localAddress).",
                remedy: "Leave one ListenStream= in the socket unit; one for metrics has FileDescriptorName=metrics.")
        }
    }
}
