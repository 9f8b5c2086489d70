internal import COpenSSL
internal import Foundation

/// Files of TLS; each error names the file.
enum TLSFileReading {
    /// An OCSP response is some 500 bytes, with a chain of its own a few KiB.
    private static let stapleBytesMax = 64 * 1024

    static func useCertificate(_ files: TLSFiles, in context: OpaquePointer) throws(TLSError) {
        try check(files.chainPath)
        try check(files.keyPath)
        guard SSL_CTX_use_certificate_chain_file(context, files.chainPath) == 1 else {
            throw bad(files.chainPath, "is no certificate in PEM that TLS takes")
        }
        guard SSL_CTX_use_PrivateKey_file(context, files.keyPath, SSL_FILETYPE_PEM) == 1 else {
            let code = ERR_peek_error()
            if ERR_GET_LIB(code) == ERR_LIB_X509, ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH {
                throw mismatch(files)
            }
            if ERR_GET_LIB(code) == ERR_LIB_X509, ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH {
                throw mismatch(files)
            }
            throw bad(files.keyPath, "is no private key in PEM without a password")
        }
        guard SSL_CTX_check_private_key(context) == 1 else { throw mismatch(files) }
    }

    private static func mismatch(_ files: TLSFiles) -> TLSError {
        TLSError(.keyMismatch, "The key in \(files.keyPath) is not that of the certificate in \(files.chainPath).")
    }

    static func useAuthority(_ path: String, in context: OpaquePointer) throws(TLSError) {
        try check(path)
        guard SSL_CTX_load_verify_locations(context, path, nil) == 1 else {
            throw bad(path, "holds no certificate of an authority in PEM")
        }
    }

    /// The DER of an OCSP response that says something.
    static func staple(_ path: String) throws(TLSError) -> [UInt8] {
        let bytes = try contents(path)
        guard bytes.count <= stapleBytesMax else {
            throw TLSError(.badFile, "\(path) is no OCSP response: it is larger than \(stapleBytesMax) bytes.")
        }
        let status = bytes.withUnsafeBufferPointer { buffer -> Int32? in
            var pointer = buffer.baseAddress
            guard let response = d2i_OCSP_RESPONSE(nil, &pointer, bytes.count) else { return nil }
            defer { OCSP_RESPONSE_free(response) }
            return OCSP_response_status(response)
        }
        guard let status else { throw bad(path, "is no OCSP response in DER") }
        guard status == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
            throw TLSError(.badFile, "\(path) is an OCSP responder's refusal (status \(status)), and is not stapled.")
        }
        return bytes
    }

    /// Names what client certificates were verified by (SSL_CTX_set_session_id_context(3)).
    static func sessionContext(_ configuration: TLSServerConfiguration) throws(TLSError) -> [UInt8] {
        var text = Array("carillon \(configuration.clientCertificates)".utf8)
        if configuration.clientCertificates != .none, let path = configuration.clientAuthorityPath {
            text += try contents(path)
        }
        var hash = [UInt8](repeating: 0, count: 32)
        SHA256(text, text.count, &hash)
        return hash
    }

    private static func contents(_ path: String) throws(TLSError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            try check(path)
            throw TLSError(.badFile, "\(path) cannot be read.")
        }
    }

    private static func check(_ path: String) throws(TLSError) {
        guard access(path, R_OK) != 0 else { return }
        throw TLSError(.badFile, "\(path) cannot be read: \(String(cString: strerror(errno))).")
    }

    private static func bad(_ path: String, _ complaint: String) -> TLSError {
        TLSError(.badFile, "\(path) \(complaint): \(TLSError.libraryReason()).")
    }
}
