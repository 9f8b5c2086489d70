public import Causality
internal import Cryptography
internal import Foundation
internal import Reactor
internal import Storage
internal import Wire

/// Who a client's certificate says it is: the URI `carillon:USER` or `carillon:USER/DEVICE` among its subject
/// alternative names, both names percent-encoded.
public struct CertificateIdentity: Hashable, Sendable {
    /// The user's name.
    public var user: Identifier
    /// The one device that it is for; nil: any of the user's.
    public var device: Identifier?

    private static let scheme = "carillon:"
    /// TLS's reader leaves out names above 512 bytes.
    public static let uriBytesMax = 500
    /// RFC 3986 2.3.
    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    public init(user: Identifier, device: Identifier? = nil) {
        self.user = user
        self.device = device
    }

    /// Nil where it is no such URI.
    public init?(uri: String) {
        guard uri.hasPrefix(CertificateIdentity.scheme), uri.utf8.count <= Self.uriBytesMax else { return nil }
        let parts = uri.dropFirst(CertificateIdentity.scheme.count).split(
            separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        let names = parts.compactMap { part in part.removingPercentEncoding.flatMap { try? Identifier($0) } }
        guard names.count == parts.count else { return nil }
        user = names[0]
        device = names.count == 2 ? names[1] : nil
    }

    public var uri: String {
        let names = [user, device].compactMap { $0?.text.addingPercentEncoding(withAllowedCharacters: Self.plain) }
        return CertificateIdentity.scheme + names.joined(separator: "/")
    }
}

/// A verified certificate that a client has shown.
struct ShownCertificate: Sendable {
    /// SHA-256 of its DER.
    let hash: [UInt8]
    /// Nil where it names no user, or more than one identity: it is no credential then.
    let identity: CertificateIdentity?

    init?(_ peer: TLSPeer?) {
        guard let peer, let hash = peer.certificateHash else { return nil }
        self.hash = hash
        let found = Set(peer.uris.compactMap { CertificateIdentity(uri: $0) })
        identity = found.count == 1 ? found.first : nil
    }

    private static let recordPrefix = "cert:"

    /// What stands for it where a session's key does. No key's prefix has a colon.
    func record(of user: User) -> APIKeyRecord {
        APIKeyRecord(
            prefix: ShownCertificate.recordPrefix + Digest.hex(hash), userID: user.id, secretHash: [],
            label: "certificate", createdAt: .start)
    }

    /// Whether what stands for a key is a certificate.
    static func isRecord(prefix: String) -> Bool { prefix.hasPrefix(recordPrefix) }
}

/// What a request or a hello brings to say who asks.
struct Credentials: Sendable {
    var key: String?
    var certificate: ShownCertificate?
    /// The certificate is one of those that are refused.
    var isRefused = false
}

extension HubCore {
    /// What a connection's peer brings with this key.
    func credentials(_ key: String?, _ peer: TLSPeer?) -> Credentials {
        let certificate = ShownCertificate(peer)
        let isRefused = certificate.map { shown in refusedCertificates.withLock { $0.contains(shown.hash) } } ?? false
        return Credentials(key: key, certificate: certificate, isRefused: isRefused)
    }

    /// Refuses these certificates (SHA-256 of their DER) from now on, and those of before no more; ends what they have
    /// open.
    func refuse(certificates: Set<[UInt8]>) {
        let more = refusedCertificates.withLock { refused in
            defer { refused = certificates }
            return certificates.subtracting(refused)
        }
        guard !more.isEmpty else { return }
        // Before the mail: whoever is being let in meanwhile is looked up again.
        countRemoval()
        postToAll(.certificatesRefused(more))
    }
}

extension HubShard {
    /// Ends what came with one of these certificates, by a key too. A request is answered by itself.
    func end(certificates: Set<[UInt8]>) {
        for case let connection? in connections {
            guard let hash = connection.tlsPeer?.certificateHash, certificates.contains(hash),
                connection.keyPrefix != nil
            else { continue }
            refuse(connection, ErrorFrame(code: .unauthorized, message: Authenticator.refusedCertificate))
        }
    }
}
