/// Who a server asks for a certificate of the client's.
public enum ClientCertificates: Hashable, Sendable {
    case none
    /// Those who have one may show it.
    case optional
    /// Without one the handshake fails.
    case required
}

/// What a server speaks TLS with.
public struct TLSServerConfiguration: Sendable {
    /// One a name; the first is shown to who names none, or one that no certificate is for.
    public var certificates: [TLSFiles]
    /// PEM of the authorities whose client certificates are taken.
    public var clientAuthorityPath: String?
    public var clientCertificates = ClientCertificates.none
    /// How long session tickets are sealed with one key, in seconds; for as long again it still opens them. 6 hours: a
    /// device that comes back within half a day saves the exchange of certificates, and a key that leaks opens no more.
    public var ticketKeySeconds = 6 * 60 * 60

    public init(certificates: [TLSFiles]) { self.certificates = certificates }
}

/// A server's side of TLS, shared by its loops: TLS 1.2 and 1.3, forward-secret AEAD ciphers, `http/1.1` by ALPN, the
/// certificate by the name that the client asks for (RFC 6066 3), sessions resumed by tickets.
///
/// What it has read from files is replaced as a whole by `reload`, and connections that stand keep theirs.
public final class TLSServer: Sendable {
    public let configuration: TLSServerConfiguration
    let ticketKeys: TLSTicketKeys
    private let current: Guarded<TLSContexts>

    /// Reads the files. Throws `TLSError` with a sentence that names the file.
    public init(_ configuration: TLSServerConfiguration) throws(TLSError) {
        self.configuration = configuration
        ticketKeys = TLSTicketKeys(lifetimeSeconds: configuration.ticketKeySeconds)
        current = Guarded(try TLSContexts(configuration))
    }

    /// Reads the files again. Where that fails, what was read before goes on.
    public func reload() throws(TLSError) {
        let contexts = try TLSContexts(configuration)
        current.withLock { $0 = contexts }
    }

    /// Seals tickets with a new key from now on, as it happens each `ticketKeySeconds`.
    public func renewTicketKey() { ticketKeys.renew() }

    var contexts: TLSContexts { current.withLock { $0 } }
}
