public import Causality
public import Reactor

/// Who a link is, what it wants to hear, and its bounds.
public struct HubLinkConfiguration: Sendable {
    public var url: HubURL
    /// Sent in the upgrade's Authorization header, never in the URL. Empty: a certificate says who we are.
    public var key: String
    /// For a URL with TLS: whom we trust, and our certificate. Nil: the system's authorities.
    public var tls: TLSClient?
    public var device: Identifier
    /// Only these kinds; empty means all.
    public var kinds: [Identifier] = []
    public var namespaces: [Identifier] = []
    /// Which space it speaks with, `team:NAME` or `user:NAME`; nil: the user's own.
    public var space: Identifier?
    /// False for a session that only pushes.
    public var isLive = true
    /// Whether compressed messages are offered (RFC 7692). Neither end keeps anything for them between two messages.
    public var offersCompression = true
    /// Program and version, for the hub's logs.
    public var client = "carillon-client"
    public var backoff = Backoff()
    /// Seconds from the first byte of a try to the welcome. 20: the hub gives a hello 10.
    public var connectSeconds = 20
    /// Seconds of silence after which the hub is pinged; after as many again it is given up. 30, as the hub has it.
    public var pingSeconds = 30
    /// A session that stood this long makes the next wait a first one again: a hub that ends each session at once is
    /// not to be hammered.
    public var soundSeconds = 5

    public init(url: HubURL, key: String, device: Identifier) {
        self.url = url
        self.key = key
        self.device = device
    }
}
