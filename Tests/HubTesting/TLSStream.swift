internal import COpenSSL
internal import Glibc
package import Reactor

/// What a test's client says in its TLS handshake. It trusts whoever answers.
package struct TLSOffer {
    package var name: String?
    package var certificate: TLSFiles?
    package var asksForStaple: Bool

    package init(name: String? = nil, certificate: TLSFiles? = nil, asksForStaple: Bool = false) {
        self.name = name
        self.certificate = certificate
        self.asksForStaple = asksForStaple
    }
}

/// The TLS of a `SocketPeer`.
final class TLSStream {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let descriptor: Int32

    init(_ descriptor: Int32, _ offer: TLSOffer) throws {
        guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else {
            throw SocketPeer.Failure(description: "no memory for TLS")
        }
        (self.context, self.ssl, self.descriptor) = (context, ssl, descriptor)
        // Else a ticket keeps a read waiting for data behind it.
        _ = SSL_ctrl(ssl, SSL_CTRL_CLEAR_MODE, Int(SSL_MODE_AUTO_RETRY), nil)
        if let files = offer.certificate {
            SSL_use_certificate_chain_file(ssl, files.chainPath)
            SSL_use_PrivateKey_file(ssl, files.keyPath, SSL_FILETYPE_PEM)
        }
        if let name = offer.name { _ = carillon_ssl_set_host_name(ssl, name) }
        if offer.asksForStaple { SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, Int(TLSEXT_STATUSTYPE_ocsp), nil) }
        SSL_set_fd(ssl, descriptor)
        ERR_clear_error()
        guard SSL_connect(ssl) == 1 else { throw SocketPeer.Failure(description: "TLS: \(TLSStream.reason())") }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    private static func reason() -> String {
        ERR_reason_error_string(ERR_peek_error()).map { String(cString: $0) } ?? "closed"
    }

    func write(_ bytes: [UInt8]) throws {
        ERR_clear_error()
        guard bytes.isEmpty || SSL_write(ssl, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw SocketPeer.Failure(description: "TLS: \(TLSStream.reason())")
        }
    }

    /// As `SocketPeer.read`.
    func read(seconds: Double) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if SSL_has_pending(ssl) == 0, Glibc.poll(&poll, 1, Int32(seconds * 1_000)) <= 0 { return nil }
            ERR_clear_error()
            let count = SSL_read(ssl, &buffer, Int32(buffer.count))
            if count > 0 { return Array(buffer[..<Int(count)]) }
            guard SSL_get_error(ssl, count) == SSL_ERROR_WANT_READ else { return [] }
        }
    }

    func sayGoodbye() { SSL_shutdown(ssl) }

    /// The first name of the certificate that the hub showed.
    var shownName: String {
        guard let certificate = SSL_get0_peer_certificate(ssl), let names = carillon_names(certificate) else {
            return ""
        }
        defer { GENERAL_NAMES_free(names) }
        var count: Int32 = 0
        guard carillon_names_count(names) > 0, let bytes = carillon_name_bytes(names, 0, &count) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    var staple: [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &bytes)
        return Array(UnsafeBufferPointer(start: bytes, count: max(count, 0)))
    }
}
