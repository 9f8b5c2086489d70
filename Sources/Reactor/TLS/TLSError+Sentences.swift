internal import COpenSSL
internal import Glibc

extension TLSError {
    /// OpenSSL's own words for the error that came first, never bytes of the peer's.
    static func libraryReason() -> String { words(ERR_peek_error()) }

    static func words(_ code: UInt) -> String {
        // A system error has no text in OpenSSL.
        if code & (UInt(Int32.max) + 1) != 0 { return String(cString: strerror(Int32(code & UInt(Int32.max)))) }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "no reason is given"
    }
}

extension TLSSession {
    private static let plainSentence = "The other side does not speak TLS on this port."

    /// Why the handshake failed, from the queue of errors and the verification's result.
    func handshakeFailure() -> TLSError {
        let code = ERR_peek_error()
        let verdict = ssl.map { SSL_get_verify_result($0) } ?? Int(X509_V_OK)
        switch Self.reason(code) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED where verdict != Int(X509_V_OK):
            let words = String(cString: X509_verify_cert_error_string(verdict))
            return TLSError(.untrusted, "The certificate of the other side is not trusted: \(words).")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSError(.certificateWanted, "The client shows no certificate, and one is required.")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
            SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE, SSL_R_UNEXPECTED_MESSAGE:
            return TLSError(.protocolFailure, Self.plainSentence)
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return TLSError(.protocolFailure, "The client offers no protocol but others than http/1.1.")
        default:
            return Self.alertFailure(code)
                ?? TLSError(.protocolFailure, "The TLS handshake failed: \(TLSError.words(code)).")
        }
    }

    /// Why a connection that was established broke.
    func dataFailure() -> TLSError {
        let code = ERR_peek_error()
        return Self.alertFailure(code) ?? TLSError(.protocolFailure, "TLS broke off: \(TLSError.words(code)).")
    }

    /// What an alert of the peer's means for whoever shows a certificate. In TLS 1.3 a client hears of its own only
    /// after the handshake (RFC 8446 4.4.2.4).
    private static func alertFailure(_ code: UInt) -> TLSError? {
        switch reason(code) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return TLSError(.certificateWanted, "The other side wants a client certificate: give one and its key.")
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
            SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
            SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
            return TLSError(
                .certificateWanted, "The other side refuses our certificate: \(TLSError.words(code)).")
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return TLSError(.protocolFailure, "The other side speaks neither TLS 1.2 nor TLS 1.3.")
        default:
            return nil
        }
    }

    /// Other libraries of OpenSSL count their reasons from 100 too.
    private static func reason(_ code: UInt) -> Int32 {
        ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0
    }
}
