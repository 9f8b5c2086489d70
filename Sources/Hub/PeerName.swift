internal import Logging
internal import Reactor

/// What the log calls a connection, for whoever works for it on another thread.
struct PeerName: Sendable {
    let number: UInt64
    let peer: SocketAddress

    var logMetadata: Logger.Metadata { ["conn": "\(number)", "peer": "\(peer)"] }
}
