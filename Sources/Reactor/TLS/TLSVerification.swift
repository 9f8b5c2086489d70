internal import COpenSSL

/// A client's judgement of a server's certificate.
enum TLSVerification {
    /// Called by OpenSSL in place of its own verification: 1 trusts. A reason goes into the session, since the queue of
    /// errors says only that it failed.
    static let callback: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { store, _ in
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
        guard let store, let session = TLSChannel.session(of: ssl.map(OpaquePointer.init)),
            case .client(let target) = session.side
        else { return 0 }
        do throws(TLSError) {
            try verify(store, target)
            X509_STORE_CTX_set_error(store, X509_V_OK)
            return 1
        } catch {
            session.error = error
            if X509_STORE_CTX_get_error(store) == X509_V_OK {
                X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
            }
            return 0
        }
    }

    private static func verify(_ store: OpaquePointer, _ target: TLSTarget) throws(TLSError) {
        let pins = target.client.configuration.pins
        let hasAuthority = target.client.configuration.authorityPath != nil
        guard let leaf = X509_STORE_CTX_get0_cert(store) else {
            throw TLSError(.untrusted, "The server shows no certificate.")
        }
        guard !pins.isEmpty, !hasAuthority else {
            try verifyChain(store, leaf, target)
            if !pins.isEmpty, !holdsPin(X509_STORE_CTX_get0_chain(store), pins) { throw otherPin(leaf) }
            return
        }
        if CertificateText.keyHash(leaf).map(pins.contains) == true { return }
        // Only what the server shows can be told from its pin; whoever it is, it has to have made the chain below it.
        guard let anchors = carillon_x509_stack() else {
            throw TLSError(.protocolFailure, "OpenSSL has no memory for a chain.")
        }
        defer { carillon_x509_stack_free(anchors) }
        let shown = X509_STORE_CTX_get0_untrusted(store)
        for index in 0..<max(carillon_x509_count(shown), 0) {
            guard let certificate = carillon_x509_at(shown, index) else { continue }
            if CertificateText.keyHash(certificate).map(pins.contains) == true {
                _ = carillon_x509_push(anchors, certificate)
            }
        }
        guard carillon_x509_count(anchors) > 0 else { throw otherPin(leaf) }
        X509_STORE_CTX_set0_trusted_stack(store, anchors)
        X509_STORE_CTX_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        try verifyChain(store, leaf, target)
    }

    private static func verifyChain(_ store: OpaquePointer, _ leaf: OpaquePointer, _ target: TLSTarget) throws(TLSError)
    {
        guard X509_verify_cert(store) != 1 else { return }
        let code = X509_STORE_CTX_get_error(store)
        ERR_clear_error()
        throw TLSError(.untrusted, sentence(code, leaf, target.host))
    }

    private static func holdsPin(_ chain: OpaquePointer?, _ pins: [[UInt8]]) -> Bool {
        (0..<max(carillon_x509_count(chain), 0)).contains { index in
            guard let certificate = carillon_x509_at(chain, index) else { return false }
            return CertificateText.keyHash(certificate).map(pins.contains) == true
        }
    }

    private static func otherPin(_ leaf: OpaquePointer) -> TLSError {
        let digits = Array("0123456789abcdef")
        let hash = (CertificateText.keyHash(leaf) ?? []).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
        return TLSError(
            .untrusted,
            "The server's key is none of the pinned ones; it has \(hash.joined()). Pin that only if you know it.")
    }

    private static func sentence(_ code: Int32, _ leaf: OpaquePointer, _ host: String) -> String {
        let shownHost = CertificateText.clean(host)
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = CertificateText.shownNames(leaf)
            let known = names.isEmpty ? "for no name at all" : "for \(names)"
            return "The server's certificate is not for \(shownHost) but \(known)."
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "A certificate of the server's has expired: it has to be renewed there (or this clock is wrong)."
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "A certificate of the server's is not valid yet: compare this machine's clock."
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "The server's certificate is of an authority that is not known here: "
                + "trust that with --ca FILE, if it is the right one."
        default:
            let words = String(cString: X509_verify_cert_error_string(Int(code)))
            return "The server's certificate is not trusted: \(words)."
        }
    }
}
