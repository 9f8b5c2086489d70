internal import COpenSSL

/// An X.509 certificate (RFC 5280), read from PEM.
public final class Certificate: Sendable {
    // nonisolated(unsafe): read once here and never changed; what OpenSSL caches in it, it does under its own lock.
    nonisolated(unsafe) let x509: OpaquePointer

    /// The first certificate of a PEM text; nil where there is none, or it cannot be read.
    public init?(pem: String) {
        guard let x509 = OpenSSLMemory.reading(pem, { PEM_read_bio_X509($0, nil, { _, _, _, _ in 0 }, nil) })
        else { return nil }
        self.x509 = x509
    }

    /// Takes what is its owner's to free.
    init(owning x509: OpaquePointer) { self.x509 = x509 }

    deinit { X509_free(x509) }

    public var pem: String { OpenSSLMemory.written { PEM_write_bio_X509($0, x509) == 1 } ?? "" }

    // MARK: Names

    /// The subject's common name.
    public var commonName: String? {
        let name = X509_get_subject_name(x509)
        let place = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard place >= 0, let entry = X509_NAME_get_entry(name, place),
            let data = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var utf8: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&utf8, data)
        guard count >= 0, let utf8 else { return nil }
        defer { CRYPTO_free(utf8, nil, 0) }
        return String(decoding: UnsafeBufferPointer(start: utf8, count: Int(count)), as: UTF8.self)
    }

    /// Its subject alternative names (RFC 5280 4.2.1.6), of the kinds that we know.
    public var alternativeNames: [AlternativeName] {
        guard let found = X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }
        return (0..<max(0, OPENSSL_sk_num(names))).compactMap { index in
            guard let name = OPENSSL_sk_value(names, index) else { return nil }
            var kind: Int32 = 0
            let value = GENERAL_NAME_get0_value(name.assumingMemoryBound(to: GENERAL_NAME.self), &kind)
            guard [GEN_DNS, GEN_IPADD, GEN_URI].contains(kind), let value else { return nil }
            let string = value.assumingMemoryBound(to: ASN1_STRING.self)
            guard let start = ASN1_STRING_get0_data(string) else { return nil }
            let bytes = Array(UnsafeBufferPointer(start: start, count: Int(max(0, ASN1_STRING_length(string)))))
            switch kind {
            case GEN_DNS: return .host(String(decoding: bytes, as: UTF8.self))
            case GEN_URI: return .uri(String(decoding: bytes, as: UTF8.self))
            default: return .address(bytes)
            }
        }
    }

    /// Whether it may sign others (RFC 5280 4.2.1.9).
    public var isAuthority: Bool { X509_check_ca(x509) == 1 }

    /// Whether it is for the server of this name or, in text, this address, as RFC 6125 has it.
    public func isFor(host: String) -> Bool {
        if X509_check_ip_asc(x509, host, 0) == 1 { return true }
        return X509_check_host(x509, host, host.utf8.count, 0, nil) == 1
    }

    // MARK: Life

    /// Seconds since 1970.
    public var notBefore: Int64 { Certificate.seconds(X509_get0_notBefore(x509)) }
    public var notAfter: Int64 { Certificate.seconds(X509_get0_notAfter(x509)) }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        guard let start = ASN1_TIME_set(nil, 0) else { return 0 }
        defer { ASN1_TIME_free(start) }
        var (days, seconds): (Int32, Int32) = (0, 0)
        // A time that cannot be read has passed.
        guard ASN1_TIME_diff(&days, &seconds, start, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(seconds)
    }

    // MARK: What names it

    /// SHA-256 of its DER, 32 bytes.
    public var hash: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        precondition(X509_digest(x509, EVP_sha256(), &bytes, &count) == 1, "OpenSSL has no SHA-256")
        return bytes
    }

    /// ``hash`` as people compare it: `AB:CD:…`.
    public var fingerprint: String { Certificate.fingerprint(of: hash) }

    public static func fingerprint(of hash: [UInt8]) -> String {
        let digits = Array(Digest.hex(hash).uppercased())
        return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0...$0 + 1]) }.joined(separator: ":")
    }

    /// SHA-256 of its public key (SubjectPublicKeyInfo, RFC 7469 2.4): it outlives a renewal under the same key.
    public var pin: [UInt8] {
        var der: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der)
        guard count > 0, let der else { return [] }
        defer { CRYPTO_free(der, nil, 0) }
        return Digest.sha256(UnsafeRawBufferPointer(start: der, count: Int(count)))
    }

    /// ``pin`` as clients take it: `sha256/BASE64`.
    public var pinText: String { CertificatePin.text(of: pin) }

    // MARK: Whose it is

    /// Whether `authority` has issued and signed it. Says nothing of dates.
    public func isIssued(by authority: Certificate) -> Bool {
        defer { ERR_clear_error() }
        guard let key = X509_get0_pubkey(authority.x509) else { return false }
        return X509_check_issued(authority.x509, x509) == X509_V_OK && X509_verify(x509, key) == 1
    }

    /// Whether this is the PEM of its private key.
    public func isOf(keyPEM: String) -> Bool {
        guard let key = PrivateKey(pem: keyPEM) else { return false }
        defer { ERR_clear_error() }
        return X509_check_private_key(x509, key.pointer) == 1
    }
}

/// One of a certificate's subject alternative names.
public enum AlternativeName: Hashable, Sendable {
    case host(String)
    /// 4 or 16 bytes.
    case address([UInt8])
    case uri(String)
}
