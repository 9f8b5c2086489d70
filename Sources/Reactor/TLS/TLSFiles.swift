/// A certificate and its private key, as PEM files.
public struct TLSFiles: Hashable, Sendable {
    /// The certificate, and behind it those that lead to the authority.
    public var chainPath: String
    public var keyPath: String
    /// A DER OCSP response (RFC 6960) to staple, renewed by whoever runs the hub.
    public var ocspPath: String?

    public init(chainPath: String, keyPath: String, ocspPath: String? = nil) {
        self.chainPath = chainPath
        self.keyPath = keyPath
        self.ocspPath = ocspPath
    }
}
