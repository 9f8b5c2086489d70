internal import COpenSSL

/// Whom a client trusts, and as whom it comes.
public struct TLSClientConfiguration: Sendable {
    /// PEM of the authorities that are trusted in place of the system's.
    public var authorityPath: String?
    /// SHA-256 of public keys (SubjectPublicKeyInfo, RFC 7469 2.4).
    ///
    /// With `authorityPath`, the server's verified chain must hold one of them. Without it the pins decide in place of
    /// the system's authorities: a server whose own key is pinned is trusted whatever its certificate says, as the
    /// handshake proves the key; where the pinned key is that of an authority which the server shows, the chain up to
    /// it, its dates and the host name are verified as ever.
    public var pins: [[UInt8]] = []
    /// The client's own certificate.
    public var certificate: TLSFiles?

    public init() {}
}

/// A client's side of TLS: verifies chains and host names, and resumes sessions.
public final class TLSClient: Sendable {
    /// Hosts whose last session is kept: a client has one hub, a load one, a cluster some.
    static let sessionsMax = 64

    public let configuration: TLSClientConfiguration
    // nonisolated(unsafe): nothing is set after init, and OpenSSL shares SSL_CTX between threads; freed in deinit.
    nonisolated(unsafe) private let context: OpaquePointer
    private let sessions = Guarded<[String: TLSResumption]>([:])

    /// Reads the files. Throws `TLSError` with a sentence that names the file.
    public init(_ configuration: TLSClientConfiguration = TLSClientConfiguration()) throws(TLSError) {
        self.configuration = configuration
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard let context = TLSContext.make(TLS_client_method()) else {
            throw TLSError(.protocolFailure, "OpenSSL gives no context: \(TLSError.libraryReason()).")
        }
        do throws(TLSError) {
            if let path = configuration.authorityPath {
                try TLSFileReading.useAuthority(path, in: context)
            } else if configuration.pins.isEmpty {
                // A system without any is told by each handshake, with what to do.
                SSL_CTX_set_default_verify_paths(context)
            }
            if let files = configuration.certificate { try TLSFileReading.useCertificate(files, in: context) }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_cert_verify_callback(context, TLSVerification.callback, nil)
        carillon_ssl_ctx_set_session_cache(context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let session, case .client(let target)? = TLSChannel.session(of: ssl)?.side else { return 0 }
            target.client.keep(TLSResumption(session), for: target.host)
            // The reference is ours now.
            return 1
        }
        let offer: [UInt8] = [8] + Array("http/1.1".utf8)
        SSL_CTX_set_alpn_protos(context, offer, UInt32(offer.count))
    }

    deinit { SSL_CTX_free(context) }

    private func keep(_ session: TLSResumption, for host: String) {
        sessions.withLock { sessions in
            if sessions[host] == nil, sessions.count >= Self.sessionsMax, let other = sessions.keys.first {
                sessions[other] = nil
            }
            sessions[host] = session
        }
    }

    /// Nil, and errors in OpenSSL's queue, where the host's name is none or there is no memory.
    func newSSL(for host: String) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
        ERR_clear_error()
        if !isAddress {
            SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            // RFC 6066 3: names are sent without the dot at their end, addresses not at all.
            let name = host.hasSuffix(".") ? String(host.dropLast()) : host
            guard !name.isEmpty, SSL_set1_host(ssl, name) == 1, carillon_ssl_set_host_name(ssl, name) == 1 else {
                SSL_free(ssl)
                return nil
            }
        }
        if let session = sessions.withLock({ $0[host] }) {
            // Another loop may put a newer one in its place at any time, and with it the last reference away.
            withExtendedLifetime(session) { _ = SSL_set_session(ssl, session.pointer) }
        }
        SSL_set_connect_state(ssl)
        return ssl
    }
}

/// A session that may go on, with its ticket.
final class TLSResumption: Sendable {
    // nonisolated(unsafe): OpenSSL counts its references by atomics, and does not change a session that it was given.
    nonisolated(unsafe) let pointer: OpaquePointer

    /// Takes the reference over.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
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
