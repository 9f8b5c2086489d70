import COpenSSL
import Foundation
import Reactor
import Testing

/// A blocking client that speaks TLS by OpenSSL alone, and offers what a test wants.
final class RawTLSClient {
    struct Offer {
        var lowest = TLS1_2_VERSION
        var highest = TLS1_3_VERSION
        var ciphers: String?
        var suites: String?
        var name: String?
        var protocols: [String] = []
        var certificate: TLSFiles?
        var asksForStaple = false
        var session: OpaquePointer?
        var receiveBuffer: Int32?
    }

    let plain: PlainClient
    private let context: OpaquePointer
    let ssl: OpaquePointer
    private(set) var isSecured = false
    /// The error that ended the handshake, in OpenSSL's words.
    private(set) var failure = ""

    init(_ address: SocketAddress, _ offer: Offer = Offer()) throws {
        plain = try PlainClient(address, receiveBuffer: offer.receiveBuffer)
        context = try #require(SSL_CTX_new(TLS_client_method()))
        ssl = try RawTLSClient.make(context, offer)
        SSL_set_fd(ssl, plain.descriptor)
        ERR_clear_error()
        isSecured = SSL_connect(ssl) == 1
        if !isSecured { note() }
    }

    private static func make(_ context: OpaquePointer, _ offer: Offer) throws -> OpaquePointer {
        _ = carillon_ssl_ctx_set_versions(context, offer.lowest, offer.highest)
        // Level 0 also offers what nobody should.
        SSL_CTX_set_security_level(context, 0)
        if let ciphers = offer.ciphers { SSL_CTX_set_cipher_list(context, ciphers) }
        if let suites = offer.suites { SSL_CTX_set_ciphersuites(context, suites) }
        if let files = offer.certificate {
            SSL_CTX_use_certificate_chain_file(context, files.chainPath)
            SSL_CTX_use_PrivateKey_file(context, files.keyPath, SSL_FILETYPE_PEM)
        }
        let ssl = try #require(SSL_new(context))
        if let name = offer.name { _ = carillon_ssl_set_host_name(ssl, name) }
        if !offer.protocols.isEmpty {
            let list = offer.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            SSL_set_alpn_protos(ssl, list, UInt32(list.count))
        }
        if offer.asksForStaple { SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, Int(TLSEXT_STATUSTYPE_ocsp), nil) }
        if let session = offer.session { SSL_set_session(ssl, session) }
        return ssl
    }

    deinit {
        // Else OpenSSL does not let the session be used again.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN)
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    private func note() {
        let code = ERR_peek_error()
        failure = ERR_reason_error_string(code).map { String(cString: $0) } ?? "closed"
    }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                SSL_write(ssl, $0.baseAddress.map { $0 + sent }, Int32($0.count - sent))
            }
            guard result > 0 else { return note() }
            sent += Int(result)
        }
    }

    /// Up to `count` bytes, fewer when the stream ends or breaks first.
    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        ERR_clear_error()
        while got < count {
            let result = bytes.withUnsafeMutableBytes {
                SSL_read(ssl, $0.baseAddress.map { $0 + got }, Int32($0.count - got))
            }
            guard result > 0 else {
                note()
                break
            }
            got += Int(result)
        }
        return Array(bytes[..<got])
    }

    /// Lets what `body` sends gather in memory instead of going out.
    func useMemory(_ body: (RawTLSClient) -> Void) {
        let memory = BIO_new(BIO_s_mem())
        SSL_set0_wbio(ssl, memory)
        body(self)
        SSL_set0_wbio(ssl, BIO_new_socket(plain.descriptor, BIO_NOCLOSE))
    }

    func writtenToMemory() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = BIO_read(SSL_get_wbio(ssl), &bytes, Int32(bytes.count))
        return Array(bytes.prefix(max(Int(count), 0)))
    }

    /// Whether the server said close_notify.
    var hasGoodbye: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    var version: String { String(cString: SSL_get_version(ssl)) }
    var cipher: String { SSL_get_current_cipher(ssl).map { String(cString: SSL_CIPHER_get_name($0)) } ?? "" }

    /// The common name of the certificate that the server showed.
    var commonName: String {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return "" }
        var text = [CChar](repeating: 0, count: 256)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &text, 256)
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    var protocolName: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    var staple: [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &bytes)
        return Array(UnsafeBufferPointer(start: bytes, count: max(count, 0)))
    }
}

/// A loop that answers TLS with what it gets.
struct TLSEcho {
    let server: TLSServer
    let loop: ProbeLoop
    let address: SocketAddress

    init(
        _ configuration: TLSServerConfiguration? = nil, loops: LoopConfiguration = LoopConfiguration(),
        calls: SystemCalls = .real, _ set: @escaping @Sendable (Probe) -> Void = echo
    ) throws {
        let server = try TLSServer(
            configuration ?? TLSServerConfiguration(certificates: [TestCertificates.files("server")]))
        self.server = server
        loop = try ProbeLoop(loops, calls: calls) { probe in
            probe.onAccepted = { probe, socket in probe.loop.adopt(socket, tls: server) }
            set(probe)
        }
        address = try loop.listen()
    }

    /// The reason why the connection of this slot ended, once it has.
    func reason(_ index: Int = 0, generation: UInt32 = 1) -> CloseReason? {
        let id = ConnectionID(index: index, generation: generation)
        eventually { loop.log.withLock { $0.closed[id] != nil } }
        return loop.log.withLock { $0.closed[id]?.first }
    }

    /// What failed in TLS, if that is why it ended.
    func failure(_ index: Int = 0) -> TLSError? {
        guard case .tls(let error)? = reason(index) else { return nil }
        return error
    }
}
