/// What a finished handshake says of the connection.
public struct TLSPeer: Hashable, Sendable {
    /// "TLSv1.3" or "TLSv1.2".
    public var version: String
    public var cipher: String
    public var isResumed: Bool
    /// Of a verified certificate of the peer's: SHA-256 of its DER; nil where it showed none.
    public var certificateHash: [UInt8]?
    /// Its subject's common name, and the URIs of its subject alternative names (RFC 5280 4.2.1.6).
    public var commonName: String?
    public var uris: [String]

    public init(
        version: String, cipher: String, isResumed: Bool, certificateHash: [UInt8]? = nil, commonName: String? = nil,
        uris: [String] = []
    ) {
        self.version = version
        self.cipher = cipher
        self.isResumed = isResumed
        self.certificateHash = certificateHash
        self.commonName = commonName
        self.uris = uris
    }
}
