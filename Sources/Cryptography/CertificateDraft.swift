internal import COpenSSL

/// What a certificate is to say, before it is signed.
struct CertificateDraft {
    enum Use {
        case authority
        case server
        case client

        /// In the words of OpenSSL's x509v3_config.
        var extensions: [(Int32, String)] {
            switch self {
            case .authority:
                [
                    (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                    (NID_key_usage, "critical,keyCertSign,cRLSign"),
                ]
            case .server:
                [
                    (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
                    (NID_ext_key_usage, "serverAuth"),
                ]
            case .client:
                [
                    (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
                    (NID_ext_key_usage, "clientAuth"),
                ]
            }
        }
    }

    /// X.520's upper bound of a common name.
    private static let commonNameCharactersMax = 64
    /// RFC 5280 4.1.2.2: at most 20 bytes, and positive.
    private static let serialBytes = 16

    var commonName: String
    var use: Use
    var names: [AlternativeName] = []
    /// Seconds since 1970.
    var notBefore: Int64 = 0
    var notAfter: Int64 = 0

    init(commonName: String, use: Use, names: [AlternativeName] = []) {
        self.commonName = String(commonName.unicodeScalars.prefix(CertificateDraft.commonNameCharactersMax))
        self.use = use
        self.names = names
    }

    /// Signs it with the authority's key, or with its own where there is none.
    func issue(for key: PrivateKey, by authority: LocalAuthority?) throws(CertificateError) -> Certificate {
        guard let x509 = X509_new() else { throw .failed }
        let made = Certificate(owning: x509)
        defer { ERR_clear_error() }
        let issuer = authority?.certificate.x509 ?? x509
        let signer = authority.map { PrivateKey(pem: $0.keyPEM) } ?? key
        guard let signer, X509_set_version(x509, 2) == 1, setSerial(x509), setSubject(x509),
            X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1,
            ASN1_TIME_set(X509_getm_notBefore(x509), Int(notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(x509), Int(notAfter)) != nil, X509_set_pubkey(x509, key.pointer) == 1
        else { throw .failed }
        var extensions = use.extensions
        extensions.append((NID_subject_key_identifier, "hash"))
        if authority != nil { extensions.append((NID_authority_key_identifier, "keyid:always")) }
        for (number, text) in extensions {
            guard add(number, text, to: x509, issuer: issuer) else { throw .failed }
        }
        try addNames(to: x509)
        guard X509_sign(x509, signer.pointer, EVP_sha256()) > 0 else { throw .failed }
        return made
    }

    private func setSerial(_ x509: OpaquePointer) -> Bool {
        var bytes = Secret.random(count: CertificateDraft.serialBytes)
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { return false }
        defer { BN_free(number) }
        return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil
    }

    private func setSubject(_ x509: OpaquePointer) -> Bool {
        let bytes = Array(commonName.utf8)
        return X509_NAME_add_entry_by_NID(
            X509_get_subject_name(x509), NID_commonName, MBSTRING_FLAG, bytes, Int32(bytes.count), -1, 0) == 1
    }

    private func add(_ number: Int32, _ text: String, to x509: OpaquePointer, issuer: OpaquePointer) -> Bool {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer, x509, nil, nil, 0)
        guard let made = X509V3_EXT_conf_nid(nil, &context, number, text) else { return false }
        defer { X509_EXTENSION_free(made) }
        return X509_add_ext(x509, made, -1) == 1
    }

    /// Not by OpenSSL's text form: a comma in a name would begin another one.
    private func addNames(to x509: OpaquePointer) throws(CertificateError) {
        guard !names.isEmpty else { return }
        guard let all = OPENSSL_sk_new_null() else { throw .failed }
        defer { GENERAL_NAMES_free(all) }
        for name in names {
            guard let made = GENERAL_NAME_new() else { throw .failed }
            guard OPENSSL_sk_push(all, made) > 0 else {
                GENERAL_NAME_free(made)
                throw .failed
            }
            let (kind, bytes) = try CertificateDraft.coded(name)
            guard let value = ASN1_STRING_type_new(kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING) else {
                throw .failed
            }
            guard ASN1_STRING_set(value, bytes, Int32(clamping: bytes.count)) == 1 else {
                ASN1_STRING_free(value)
                throw .failed
            }
            GENERAL_NAME_set0_value(made, kind, value)
        }
        guard X509_add1_ext_i2d(x509, NID_subject_alt_name, UnsafeMutableRawPointer(all), 0, 0) == 1 else {
            throw .failed
        }
    }

    private static func coded(_ name: AlternativeName) throws(CertificateError) -> (Int32, [UInt8]) {
        switch name {
        case .address(let bytes):
            guard bytes.count == 4 || bytes.count == 16 else { throw .badName("an address of \(bytes.count) bytes") }
            return (GEN_IPADD, bytes)
        case .host(let text): return (GEN_DNS, try ascii(text, bytesMax: 253))
        case .uri(let text): return (GEN_URI, try ascii(text, bytesMax: 2_048))
        }
    }

    private static func ascii(_ text: String, bytesMax: Int) throws(CertificateError) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard (1...bytesMax).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .badName(text)
        }
        return bytes
    }
}
