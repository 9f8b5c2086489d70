internal import Logging
internal import Reactor

/// Why the hub turned a peer away or cut it off: a label of the metrics. A reason with nothing but an error of the
/// protocol's own is not here.
public enum RefusalReason: String, CaseIterable, Sendable {
    /// Connections: in all, of one address, of one key.
    case connections
    case connectionsOfAddress = "connections_of_address"
    case connectionsOfKey = "connections_of_key"
    /// Connections or logins that came too fast.
    case handshakeRate = "handshake_rate"
    case requestRate = "request_rate"
    case loginRate = "login_rate"
    /// A handshake, a head, a hello or a body that did not come in time; a peer that was silent.
    case handshakeTimeout = "handshake_timeout"
    case headTimeout = "head_timeout"
    case helloTimeout = "hello_timeout"
    case bodyTimeout = "body_timeout"
    case idle
    /// A TLS handshake that failed.
    case tls
    /// Bytes that are no HTTP, no WebSocket or no frame.
    case badRequest = "bad_request"
    case badFrame = "bad_frame"
    /// Over a limit: a head, a body, a message, what a message inflates to.
    case headTooLarge = "head_too_large"
    case bodyTooLarge = "body_too_large"
    case messageTooLarge = "message_too_large"
    case inflatedTooLarge = "inflated_too_large"
    /// Reads too slowly; the hub's memory for outboxes, or for what comes in, is used up.
    case outboxFull = "outbox_full"
    case outboxesFull = "outboxes_full"
    case inputFull = "input_full"
    /// A lane, a queue or an allowance is full.
    case overloaded
    /// A page of a site that is not allowed; a key in a URL; no key or a wrong one.
    case origin
    case keyInURL = "key_in_url"
    case unauthorized
}

extension HubCore {
    /// Counts it, once for each peer that is refused, and tells of it with what is known of the peer.
    func count(_ reason: RefusalReason, _ metadata: @autoclosure () -> Logger.Metadata) {
        metrics.withLock { $0.refusals[reason, default: 0] += 1 }
        notices.tell(.notice, "refused", metadata().merging(["reason": "\(reason.rawValue)"]) { $1 })
    }
}
