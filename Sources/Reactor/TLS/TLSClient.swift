/// Whom a client trusts, and as whom it comes.
public struct TLSClientConfiguration: Sendable {
    /// PEM of the authorities that are trusted in place of the system's.
    public var authorityPath: String?
    /// SHA-256 of the public keys (SubjectPublicKeyInfo, RFC 7469 2.4) of which the server's chain must hold one. With
    /// pins and no authority, the pin alone decides.
    public var pins: [[UInt8]] = []
    /// The client's own certificate.
    public var certificate: TLSFiles?

    public init() {}
}

/// A client's side of TLS: verifies chains and host names, and resumes sessions.
public final class TLSClient: Sendable {
    public let configuration: TLSClientConfiguration

    public init(_ configuration: TLSClientConfiguration = TLSClientConfiguration()) throws(TLSError) {
        self.configuration = configuration
        throw TLSError(.protocolFailure, "TLS is not there yet")
    }
}

/// Whom an outgoing connection is to reach.
public struct TLSTarget: Sendable {
    public var client: TLSClient
    /// The name, or the IP address in text, that the server's certificate must be for; a name is sent to it (SNI,
    /// RFC 6066 3).
    public var host: String

    public init(client: TLSClient, host: String) {
        self.client = client
        self.host = host
    }
}
