/// A certificate authority of this machine's own: what a hub without a public name is trusted by.
///
/// Its keys are on the curve P-256. It reads and writes texts; where they are kept is its owner's business.
public struct LocalAuthority: Sendable {
    /// A certificate and its private key, as PEM.
    public struct Issued: Sendable, Hashable {
        public var certificatePEM: String
        public var keyPEM: String
    }

    /// Days that it is good for. Ten years: whoever trusts it would have to be asked again.
    public static let authorityDays = 3_650
    /// Days that a server's or a client's certificate is good for. 397: longer ones are refused by some clients.
    public static let certificateDays = 397
    /// Days before the end from which a server's certificate is renewed.
    public static let renewalDays = 30
    /// Seconds by which a certificate is older than it is, for peers whose clocks are behind.
    static let backdatedSeconds: Int64 = 3_600
    static let daySeconds: Int64 = 86_400

    public let certificate: Certificate
    public let certificatePEM: String
    public let keyPEM: String

    /// Makes one.
    ///
    /// - Parameter now: seconds since 1970.
    public static func make(now: Int64) throws(CertificateError) -> LocalAuthority {
        guard let key = PrivateKey.made() else { throw .failed }
        let number = Digest.hex(Secret.random(count: 4))
        var draft = CertificateDraft(commonName: "Carillon local CA \(number)", use: .authority)
        draft.notBefore = now - backdatedSeconds
        draft.notAfter = now + Int64(authorityDays) * daySeconds
        let made = try draft.issue(for: key, by: nil)
        guard let keyPEM = key.pem else { throw .failed }
        return try LocalAuthority(certificatePEM: made.pem, keyPEM: keyPEM)
    }

    /// One that was kept.
    public init(certificatePEM: String, keyPEM: String) throws(CertificateError) {
        guard let certificate = Certificate(pem: certificatePEM) else { throw .unreadableCertificate }
        guard certificate.isAuthority else { throw .noAuthority }
        guard PrivateKey(pem: keyPEM) != nil else { throw .unreadableKey }
        guard certificate.isOf(keyPEM: keyPEM) else { throw .keyMismatch }
        self.certificate = certificate
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }

    /// A certificate for a server of these names; its chain is the certificate and the authority's.
    ///
    /// - Parameters:
    ///   - keyPEM: a key that it is to go on with, so that who has pinned it still trusts it; nil: a new one.
    ///   - now: seconds since 1970.
    public func issueServer(
        _ names: [AlternativeName], keyPEM: String? = nil, now: Int64
    ) throws(CertificateError) -> Issued {
        try issue(CertificateDraft(commonName: "Carillon", use: .server, names: names), keyPEM, now)
    }

    /// A certificate for a client, which says who it is by a URI.
    ///
    /// - Parameters:
    ///   - commonName: for people; at most 64 characters of it are kept.
    ///   - days: 1 to 3,650.
    public func issueClient(
        uri: String, commonName: String, days: Int = certificateDays, now: Int64
    ) throws(CertificateError) -> Issued {
        try issue(
            CertificateDraft(commonName: commonName, use: .client, names: [.uri(uri)]), nil, now, days: days)
    }

    private func issue(
        _ draft: CertificateDraft, _ keptKeyPEM: String?, _ now: Int64, days: Int = certificateDays
    ) throws(CertificateError) -> Issued {
        guard let key = keptKeyPEM.map({ PrivateKey(pem: $0) }) ?? PrivateKey.made() else {
            throw keptKeyPEM == nil ? .failed : .unreadableKey
        }
        var draft = draft
        draft.notBefore = max(now - LocalAuthority.backdatedSeconds, certificate.notBefore)
        let end = now + Int64(min(max(days, 1), LocalAuthority.authorityDays)) * LocalAuthority.daySeconds
        // None outlives who vouches for it.
        draft.notAfter = min(end - LocalAuthority.backdatedSeconds, certificate.notAfter)
        guard draft.notAfter > now else { throw .expired }
        let made = try draft.issue(for: key, by: self)
        guard let keyPEM = key.pem else { throw .failed }
        return Issued(certificatePEM: made.pem + certificatePEM, keyPEM: keyPEM)
    }
}

/// Why there is no certificate.
public enum CertificateError: Error, Hashable, Sendable {
    case unreadableCertificate
    case unreadableKey
    /// The certificate may not sign others.
    case noAuthority
    /// The key is another certificate's.
    case keyMismatch
    /// The authority's own time is over.
    case expired
    /// A name that a certificate cannot hold.
    case badName(String)
    case failed

    public var sentence: String {
        switch self {
        case .unreadableCertificate: "it holds no PEM certificate"
        case .unreadableKey: "it holds no PEM private key that is without a password"
        case .noAuthority: "the certificate may not sign others"
        case .keyMismatch: "the key is not the certificate's"
        case .expired: "the authority has expired"
        case .badName(let name): "\"\(name)\" is no name for a certificate"
        case .failed: "OpenSSL could not make a key or a certificate"
        }
    }
}
