internal import COpenSSL
internal import Glibc

/// One certificate of a server's, with all that its handshakes go by.
final class TLSContext: Sendable {
    // nonisolated(unsafe): nothing is set after init, and OpenSSL shares SSL_CTX between threads; freed in deinit, while
    // each SSL holds a reference of its own.
    nonisolated(unsafe) let pointer: OpaquePointer
    let staple: [UInt8]?

    /// TLS 1.2's share of the rules: an exchange that keeps the past secret, and AEAD. AES-128 first: every processor
    /// has it in hardware that serves thousands.
    static let cipherList =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
        + "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
    static let suites = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
    static let groups = "X25519:P-256:P-384"
    /// 112 bits: no RSA key below 2,048, no SHA-1 (SSL_CTX_set_security_level(3)).
    static let securityLevel: Int32 = 2

    /// What both sides have in common; nil when OpenSSL has no memory for it.
    static func make(_ method: OpaquePointer?) -> OpaquePointer? {
        guard let context = SSL_CTX_new(method) else { return nil }
        guard carillon_ssl_ctx_set_versions(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1,
            SSL_CTX_set_cipher_list(context, cipherList) == 1, SSL_CTX_set_ciphersuites(context, suites) == 1,
            carillon_ssl_ctx_set_groups(context, groups) == 1
        else {
            SSL_CTX_free(context)
            return nil
        }
        carillon_ssl_ctx_set_options(context)
        SSL_CTX_set_security_level(context, securityLevel)
        // A key that wants a password must not have OpenSSL ask for one on the terminal.
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
        return context
    }

    init(
        _ files: TLSFiles, _ configuration: TLSServerConfiguration, sessionContext: [UInt8]
    ) throws(TLSError) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard let context = Self.make(TLS_server_method()) else {
            throw TLSError(.protocolFailure, "OpenSSL gives no context: \(TLSError.libraryReason()).")
        }
        do throws(TLSError) {
            try TLSFileReading.useCertificate(files, in: context)
            if configuration.clientCertificates != .none, let path = configuration.clientAuthorityPath {
                try TLSFileReading.useAuthority(path, in: context)
                SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(path))
            }
            staple = try files.ocspPath.map { path throws(TLSError) in try TLSFileReading.staple(path) }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        pointer = context
        switch configuration.clientCertificates {
        case .none: SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        case .optional: SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        case .required: SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        // A session is the client's by its ticket only; what was verified under other authorities is no session here.
        carillon_ssl_ctx_set_session_cache(context, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_session_id_context(context, sessionContext, UInt32(sessionContext.count))
        SSL_CTX_set_timeout(context, configuration.ticketKeySeconds)
        // One, not two: a client of ours keeps the last, and each is a record and an encryption.
        SSL_CTX_set_num_tickets(context, 1)
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TLSTicketKeys.callback)
        SSL_CTX_set_alpn_select_cb(context, TLSContext.chooseProtocol, nil)
        carillon_ssl_ctx_set_name_callback(context, TLSContext.chooseCertificate)
        carillon_ssl_ctx_set_status_callback(context, TLSContext.giveStaple)
    }

    deinit { SSL_CTX_free(pointer) }

    /// Whether its certificate is for `name` (RFC 6125 6.4, with a star for one whole label).
    func isFor(_ name: UnsafePointer<CChar>) -> Bool {
        guard let certificate = SSL_CTX_get0_certificate(pointer) else { return false }
        let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        return X509_check_host(certificate, name, strlen(name), flags, nil) == 1
    }

    // MARK: What OpenSSL asks in a handshake

    /// `http/1.1` in the form of ALPN (RFC 7301 3.1): a length and the name.
    private static let offer: [UInt8] = [8] + Array("http/1.1".utf8)

    private static let chooseProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, chosen, chosenCount, offered, offeredCount, _ in
            guard let chosen, let chosenCount, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            var index = 0
            let end = Int(offeredCount)
            while index < end {
                let count = Int(offered[index])
                guard index + 1 + count <= end else { break }
                let name = UnsafeBufferPointer(start: offered + index, count: count + 1)
                if name.elementsEqual(offer) {
                    // Within what the client sent, which OpenSSL keeps until it has copied this.
                    chosen.pointee = offered + index + 1
                    chosenCount.pointee = UInt8(count)
                    return SSL_TLSEXT_ERR_OK
                }
                index += 1 + count
            }
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }

    private static let chooseCertificate:
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
            ssl, _, _ in
            guard let ssl, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
                let context = TLSChannel.session(of: ssl)?.context(for: name)
            else { return SSL_TLSEXT_ERR_OK }
            _ = SSL_set_SSL_CTX(ssl, context.pointer)
            return SSL_TLSEXT_ERR_OK
        }

    private static let giveStaple: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { ssl, _ in
        guard let ssl, let staple = TLSChannel.session(of: ssl)?.staple(for: ssl),
            carillon_ssl_staple(ssl, staple, staple.count) == 1
        else { return SSL_TLSEXT_ERR_NOACK }
        return SSL_TLSEXT_ERR_OK
    }
}

/// All certificates of a server's, as they were read at one time.
final class TLSContexts: Sendable {
    let first: TLSContext
    private let others: [TLSContext]

    init(_ configuration: TLSServerConfiguration) throws(TLSError) {
        guard let first = configuration.certificates.first else {
            throw TLSError(.badFile, "No certificate is given: TLS needs one and its key.")
        }
        if configuration.clientCertificates != .none, configuration.clientAuthorityPath == nil {
            throw TLSError(.badFile, "Client certificates are asked for, and no authority is given that makes them.")
        }
        let sessionContext = try TLSFileReading.sessionContext(configuration)
        self.first = try TLSContext(first, configuration, sessionContext: sessionContext)
        var others: [TLSContext] = []
        for files in configuration.certificates.dropFirst() {
            others.append(try TLSContext(files, configuration, sessionContext: sessionContext))
        }
        self.others = others
    }

    /// The first that is for this name, unless that is the default anyway.
    func context(for name: UnsafePointer<CChar>) -> TLSContext? {
        guard !others.isEmpty, !first.isFor(name) else { return nil }
        return others.first { $0.isFor(name) }
    }

    func staple(of pointer: OpaquePointer?) -> [UInt8]? {
        if first.pointer == pointer { return first.staple }
        return others.first { $0.pointer == pointer }?.staple
    }
}
