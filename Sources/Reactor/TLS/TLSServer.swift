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

    public init(certificates: [TLSFiles]) { self.certificates = certificates }
}

/// A server's side of TLS, shared by its loops. What it has read from files is replaced as a whole by `reload`, and
/// connections that stand keep theirs.
public final class TLSServer: Sendable {
    public let configuration: TLSServerConfiguration

    public init(_ configuration: TLSServerConfiguration) throws(TLSError) {
        self.configuration = configuration
        throw TLSError(.protocolFailure, "TLS is not there yet")
    }

    /// Reads the files again. Where that fails, what was read before goes on.
    public func reload() throws(TLSError) {}
}
