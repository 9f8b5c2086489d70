import Testing

@testable import Cryptography

@Suite("The local certificate authority")
struct LocalAuthorityTests {
    /// 2026-01-01, and so before and after 2050, where X.509 writes years otherwise.
    static let now: Int64 = 1_767_225_600
    static let day: Int64 = 86_400

    @Test("is a certificate that may sign, for ten years, and each has a name of its own")
    func authority() throws {
        let authority = try LocalAuthority.make(now: Self.now)
        let other = try LocalAuthority.make(now: Self.now)
        let certificate = try #require(Certificate(pem: authority.certificatePEM))
        #expect(certificate.isAuthority && certificate.isIssued(by: certificate))
        #expect(certificate.commonName?.hasPrefix("Carillon local CA ") == true)
        #expect(certificate.commonName != other.certificate.commonName)
        #expect(certificate.notAfter == Self.now + 3_650 * Self.day && certificate.notBefore == Self.now - 3_600)
        #expect(authority.keyPEM.hasPrefix("-----BEGIN PRIVATE KEY-----"))
        #expect(certificate.isOf(keyPEM: authority.keyPEM) && !certificate.isOf(keyPEM: other.keyPEM))
        let kept = try LocalAuthority(certificatePEM: authority.certificatePEM, keyPEM: authority.keyPEM)
        #expect(kept.certificate.hash == certificate.hash)
    }

    @Test("a server's certificate is for its names, signed, and no longer than clients take")
    func server() throws {
        let authority = try LocalAuthority.make(now: Self.now)
        let names: [AlternativeName] = [
            .host("localhost"), .host("hub.example"), .address([127, 0, 0, 1]),
            .address(Array(repeating: 0, count: 15) + [1]),
        ]
        let issued = try authority.issueServer(names, now: Self.now)
        let certificate = try #require(Certificate(pem: issued.certificatePEM))
        #expect(certificate.alternativeNames == names && !certificate.isAuthority)
        #expect(certificate.isIssued(by: authority.certificate))
        #expect(!certificate.isIssued(by: try LocalAuthority.make(now: Self.now).certificate))
        #expect(certificate.isOf(keyPEM: issued.keyPEM))
        #expect(certificate.notBefore <= Self.now)
        #expect(certificate.notAfter - certificate.notBefore == 397 * Self.day)
        for host in ["localhost", "hub.example", "127.0.0.1", "::1"] { #expect(certificate.isFor(host: host)) }
        for host in ["example", "evil.example", "127.0.0.2", "a.hub.example"] {
            #expect(!certificate.isFor(host: host))
        }
        // The chain goes with it.
        #expect(issued.certificatePEM.hasSuffix(authority.certificatePEM))
    }

    @Test("a renewed certificate keeps its key, and so its pin")
    func renewal() throws {
        let authority = try LocalAuthority.make(now: Self.now)
        let first = try authority.issueServer([.host("h")], now: Self.now)
        let second = try authority.issueServer([.host("h")], keyPEM: first.keyPEM, now: Self.now + 380 * Self.day)
        let (old, new) = (
            try #require(Certificate(pem: first.certificatePEM)), try #require(Certificate(pem: second.certificatePEM))
        )
        #expect(old.pin == new.pin && old.hash != new.hash && old.notAfter < new.notAfter)
    }

    @Test("a client's certificate says by a URI who it is, commas and all")
    func client() throws {
        let authority = try LocalAuthority.make(now: Self.now)
        let issued = try authority.issueClient(uri: "carillon:a,DNS:evil/b", commonName: "a on b", now: Self.now)
        let certificate = try #require(Certificate(pem: issued.certificatePEM))
        #expect(certificate.alternativeNames == [.uri("carillon:a,DNS:evil/b")])
        #expect(certificate.commonName == "a on b")
    }

    @Test("none outlives its authority, and an expired one signs nothing")
    func lives() throws {
        let authority = try LocalAuthority.make(now: Self.now)
        let late = Self.now + 3_600 * Self.day
        let issued = try authority.issueServer([.host("h")], now: late)
        #expect(Certificate(pem: issued.certificatePEM)?.notAfter == authority.certificate.notAfter)
        #expect(throws: CertificateError.expired) {
            try authority.issueServer([.host("h")], now: late + 60 * Self.day)
        }
    }

    @Test("what is no certificate, no key or another's is refused with the reason")
    func refusals() throws {
        let (one, other) = (try LocalAuthority.make(now: Self.now), try LocalAuthority.make(now: Self.now))
        let server = try one.issueServer([.host("h")], now: Self.now)
        #expect(throws: CertificateError.keyMismatch) {
            try LocalAuthority(certificatePEM: one.certificatePEM, keyPEM: other.keyPEM)
        }
        #expect(throws: CertificateError.noAuthority) {
            try LocalAuthority(certificatePEM: server.certificatePEM, keyPEM: server.keyPEM)
        }
        #expect(throws: CertificateError.unreadableCertificate) {
            try LocalAuthority(certificatePEM: one.keyPEM, keyPEM: one.keyPEM)
        }
        #expect(throws: CertificateError.unreadableKey) {
            try LocalAuthority(certificatePEM: one.certificatePEM, keyPEM: "none")
        }
        for name in ["", "a b", "ü", "a\n"] {
            #expect(throws: CertificateError.badName(name)) { try one.issueServer([.host(name)], now: Self.now) }
        }
    }

    @Test("fingerprints and pins have the forms of openssl and curl")
    func forms() throws {
        #expect(Certificate.fingerprint(of: [0xab, 0x01, 0xff]) == "AB:01:FF")
        let hash = Digest.sha256([UInt8]())
        let text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        #expect(CertificatePin.text(of: hash) == text && CertificatePin.hash(text) == hash)
        #expect(CertificatePin.hash(text.replacing("/47", with: "//47")) == hash)
        for wrong in [
            "", "sha256/", "sha1/" + text.dropFirst(7), String(text.dropLast()), text + "=", "sha256/" + text,
        ] {
            #expect(CertificatePin.hash(wrong) == nil, "\(wrong)")
        }
        let certificate = try LocalAuthority.make(now: Self.now).certificate
        #expect(certificate.fingerprint.utf8.count == 95 && CertificatePin.hash(certificate.pinText) == certificate.pin)
    }
}
