internal import COpenSSL

extension TLSSession {
    var isResumed: Bool { ssl.map { SSL_session_reused($0) == 1 } ?? false }

    /// What the handshake told; nil before it is done.
    var peer: TLSPeer? {
        guard let ssl, SSL_is_init_finished(ssl) == 1 else { return nil }
        var peer = TLSPeer(
            version: String(cString: SSL_get_version(ssl)),
            cipher: SSL_get_current_cipher(ssl).map { String(cString: SSL_CIPHER_get_name($0)) } ?? "",
            isResumed: SSL_session_reused(ssl) == 1)
        // A client that trusts by a pin has no chain: its own callback has judged.
        guard let certificate = SSL_get0_peer_certificate(ssl), SSL_get_verify_result(ssl) == Int(X509_V_OK) else {
            return peer
        }
        peer.certificateHash = CertificateText.hash(certificate)
        peer.commonName = CertificateText.commonName(certificate)
        peer.uris = CertificateText.names(certificate, GEN_URI)
        return peer
    }
}

/// What certificates say, as text that is safe to show.
enum CertificateText {
    /// Names of one certificate that are looked at, and the length of one: a certificate may hold thousands. Longer ones
    /// are left out.
    private static let namesMax = 16
    private static let nameBytesMax = 512

    /// SHA-256 of the DER.
    static func hash(_ certificate: OpaquePointer) -> [UInt8]? {
        digest { X509_digest(certificate, EVP_sha256(), $0, $1) }
    }

    /// SHA-256 of the SubjectPublicKeyInfo (RFC 7469 2.4).
    static func keyHash(_ certificate: OpaquePointer) -> [UInt8]? {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes)
        guard count > 0, let bytes else { return nil }
        defer { CRYPTO_free(bytes, #file, #line) }
        return digest { EVP_Digest(bytes, Int(count), $0, $1, EVP_sha256(), nil) }
    }

    private static func digest(
        _ body: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt32>) -> Int32
    ) -> [UInt8]? {
        var hash = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let isDone = hash.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { body($0, &count) } ?? 0
        }
        return isDone == 1 ? Array(hash.prefix(Int(count))) : nil
    }

    static func commonName(_ certificate: OpaquePointer) -> String? {
        guard let subject = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)) else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, text)
        guard count >= 0, let bytes else {
            ERR_clear_error()
            return nil
        }
        defer { CRYPTO_free(bytes, #file, #line) }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: min(Int(count), nameBytesMax)), as: UTF8.self)
    }

    /// The alternative names of one type (`GEN_DNS`, `GEN_URI`), as the certificate has them.
    static func names(_ certificate: OpaquePointer, _ type: Int32) -> [String] {
        guard let names = carillon_names(certificate) else { return [] }
        defer { GENERAL_NAMES_free(names) }
        var found: [String] = []
        for index in 0..<carillon_names_count(names) where carillon_name_type(names, index) == type {
            var count: Int32 = 0
            // Not cut: a name that was may be another's.
            guard found.count < namesMax, let bytes = carillon_name_bytes(names, index, &count),
                count <= nameBytesMax
            else { continue }
            found.append(String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self))
        }
        return found
    }

    /// Names in words, for a sentence: what is no letter, digit, dot, hyphen or star of theirs becomes a question mark.
    static func shownNames(_ certificate: OpaquePointer) -> String {
        var shown = names(certificate, GEN_DNS).map(clean)
        guard let names = carillon_names(certificate) else { return shown.joined(separator: ", ") }
        defer { GENERAL_NAMES_free(names) }
        for index in 0..<carillon_names_count(names) where carillon_name_type(names, index) == GEN_IPADD {
            var count: Int32 = 0
            guard shown.count < namesMax, let bytes = carillon_name_bytes(names, index, &count) else { continue }
            let numbers = Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
            if count == 4 {
                shown.append(numbers.map { String($0) }.joined(separator: "."))
            } else if count == 16 {
                let groups = stride(from: 0, to: 16, by: 2).map { Int(numbers[$0]) << 8 | Int(numbers[$0 + 1]) }
                shown.append(groups.map { String($0, radix: 16) }.joined(separator: ":"))
            }
        }
        let few = shown.prefix(5).joined(separator: ", ")
        return shown.count > 5 ? few + " and others" : few
    }

    static func clean(_ name: String) -> String {
        String(
            name.prefix(100).map { character in
                character.isASCII && (character.isLetter || character.isNumber || ".-*_:".contains(character))
                    ? character : "?"
            })
    }
}
