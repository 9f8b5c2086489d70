internal import Cryptography
internal import Foundation
internal import Reactor

/// `tls` in a hub's data folder: the local authority, the server's certificate that it signed, and which client
/// certificates were revoked.
struct TLSFolder: Sendable {
    let path: String

    init(_ data: DataFolder) { path = data.path + "/tls" }

    var authorityPath: String { path + "/ca.pem" }
    var authorityKeyPath: String { path + "/ca-key.pem" }
    var serverPath: String { path + "/server.pem" }
    var serverKeyPath: String { path + "/server-key.pem" }
    var revokedPath: String { path + "/revoked" }

    private static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    // MARK: The authority

    /// The authority; nil where there is none yet.
    func authority() throws -> LocalAuthority? {
        guard FileManager.default.fileExists(atPath: authorityPath) else { return nil }
        let certificate = try PrivateFile.text(authorityPath, "the local CA's certificate")
        let key = try PrivateFile.text(authorityKeyPath, "the local CA's key")
        return try made { () throws(CertificateError) in
            try LocalAuthority(certificatePEM: certificate, keyPEM: key)
        }
    }

    /// The authority, made where there is none.
    func requireAuthority() throws -> LocalAuthority {
        if let authority = try authority() { return authority }
        try PrivateFile.createFolder(path)
        let authority = try made { () throws(CertificateError) in try LocalAuthority.make(now: TLSFolder.now) }
        // A key without its certificate is of a start that was cut off: nobody trusts it.
        unlink(authorityKeyPath)
        try PrivateFile.create(authorityKeyPath, authority.keyPEM)
        try PrivateFile.create(authorityPath, authority.certificatePEM)
        return authority
    }

    // MARK: The server

    /// The server's certificate for these names, signed anew where it is missing, another's, of other names, or near
    /// its end. Its key, and so its pin, stays.
    func serverFiles(_ names: [AlternativeName]) throws -> TLSFiles {
        let files = TLSFiles(chainPath: serverPath, keyPath: serverKeyPath)
        let authority = try requireAuthority()
        let keyPEM = try? String(contentsOfFile: serverKeyPath, encoding: .utf8)
        if let keyPEM, let certificate = server(), certificate.isOf(keyPEM: keyPEM),
            certificate.isIssued(by: authority.certificate), certificate.alternativeNames == names,
            TLSFolder.isLasting(certificate)
        {
            return files
        }
        let issued = try made { () throws(CertificateError) -> LocalAuthority.Issued in
            do throws(CertificateError) {
                return try authority.issueServer(names, keyPEM: keyPEM, now: TLSFolder.now)
            } catch .unreadableKey {
                return try authority.issueServer(names, now: TLSFolder.now)
            } catch {
                throw error
            }
        }
        try PrivateFile.replace(serverKeyPath, issued.keyPEM)
        try PrivateFile.replace(serverPath, issued.certificatePEM)
        return files
    }

    /// The server's certificate; nil where there is none that can be read.
    func server() -> Certificate? {
        (try? String(contentsOfFile: serverPath, encoding: .utf8)).flatMap { Certificate(pem: $0) }
    }

    private static func isLasting(_ certificate: Certificate) -> Bool {
        certificate.notAfter - now >= Int64(LocalAuthority.renewalDays) * 86_400
    }

    // MARK: Clients

    func issueClient(uri: String, commonName: String, days: Int) throws -> LocalAuthority.Issued {
        let authority = try requireAuthority()
        return try made { () throws(CertificateError) in
            try authority.issueClient(uri: uri, commonName: commonName, days: days, now: TLSFolder.now)
        }
    }

    private func made<Value>(_ body: () throws(CertificateError) -> Value) throws -> Value {
        do throws(CertificateError) {
            return try body()
        } catch {
            throw CommandFailure(
                .inputOutput, "The local CA in \(path) cannot be used: \(error.sentence).",
                remedy: "Move the folder away to begin with a new one, which every client then has to trust anew.")
        }
    }

    // MARK: Revoked certificates

    /// SHA-256 of those that are revoked. The file has a fingerprint on each line; what is behind a # is for people.
    func revoked() throws -> Set<[UInt8]> {
        guard FileManager.default.fileExists(atPath: revokedPath) else { return [] }
        var hashes: Set<[UInt8]> = []
        for line in try PrivateFile.text(revokedPath, "the revoked certificates").split(whereSeparator: \.isNewline) {
            let word = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
            guard !word.isEmpty else { continue }
            guard let hash = TLSFolder.hash(fingerprint: word) else {
                throw CommandFailure(
                    .badInput, "\(revokedPath) holds a line that is no SHA-256 fingerprint.",
                    remedy: "Each line is 64 hexadecimal digits, with or without colons.")
            }
            hashes.insert(hash)
        }
        return hashes
    }

    /// Adds one to them; false where it was there.
    func revoke(_ hash: [UInt8], _ note: String) throws -> Bool {
        guard try !revoked().contains(hash) else { return false }
        try PrivateFile.createFolder(path)
        let kept = (try? String(contentsOfFile: revokedPath, encoding: .utf8)) ?? ""
        let end = kept.isEmpty || kept.hasSuffix("\n") ? "" : "\n"
        try PrivateFile.replace(
            revokedPath, "\(kept)\(end)\(Certificate.fingerprint(of: hash))  # \(OneLine.clean(note))\n")
        return true
    }

    /// The bytes of `AB:CD:…` or `abcd…`; nil where they are not 32.
    static func hash(fingerprint text: String) -> [UInt8]? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: ":") }
        guard digits.count == 64 else { return nil }
        var hash: [UInt8] = []
        for start in stride(from: 0, to: 64, by: 2) {
            let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
            guard pair.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
                let byte = UInt8(pair, radix: 16)
            else { return nil }
            hash.append(byte)
        }
        return hash
    }
}
