import COpenSSL
import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct TLSServerTests {
    typealias Offer = RawTLSClient.Offer

    @Test(arguments: [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")])
    func bothVersionsCarryBytesBothWays(_ version: Int32, _ name: String) throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, Offer(lowest: version, highest: version))
        #expect(client.isSecured, "\(client.failure)")
        let bytes = pattern(100_000)
        client.send(bytes)
        #expect(client.receive(bytes.count) == bytes)
        let peer = echo.loop.log.withLock { $0.secured.values.first }
        #expect(peer?.version == name)
        #expect(peer?.cipher == client.cipher)
        #expect(peer?.certificateHash == nil)
    }

    @Test(arguments: [TLS1_VERSION, TLS1_1_VERSION])
    func versionsBefore12AreRefused(_ version: Int32) throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(
            echo.address, Offer(lowest: version, highest: version, ciphers: "ALL:@SECLEVEL=0"))
        #expect(!client.isSecured)
        #expect(echo.failure() != nil)
    }

    @Test(arguments: [
        "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "DHE-RSA-AES128-GCM-SHA256",
    ])
    func ciphersWithoutForwardSecrecyOrAuthenticationAreRefused(_ cipher: String) throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, Offer(highest: TLS1_2_VERSION, ciphers: cipher + ":@SECLEVEL=0"))
        #expect(!client.isSecured)
        #expect(echo.loop.perform { $0.loop.handshakes.failed } == 1)
    }

    @Test func theServersOrderOfCiphersDecides() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let offer = Offer(
            highest: TLS1_2_VERSION, ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")
        #expect(try RawTLSClient(echo.address, offer).cipher == "ECDHE-ECDSA-AES128-GCM-SHA256")
        let suites = Offer(suites: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
        #expect(try RawTLSClient(echo.address, suites).cipher == "TLS_AES_128_GCM_SHA256")
    }

    @Test func http11IsChosenAmongWhatIsOffered() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        #expect(try RawTLSClient(echo.address, Offer(protocols: ["h2", "http/1.1"])).protocolName == "http/1.1")
        #expect(try RawTLSClient(echo.address).isSecured)
        let other = try RawTLSClient(echo.address, Offer(protocols: ["h2"]))
        #expect(!other.isSecured)
        #expect(other.failure.contains("no application protocol"))
    }

    @Test func theCertificateIsThatOfTheNameAskedFor() throws {
        let configuration = TLSServerConfiguration(certificates: [
            TestCertificates.files("server"), TestCertificates.files("second"),
        ])
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        let cases = [
            (nil, "localhost"), ("localhost", "localhost"), ("second.test", "second.test"),
            ("SECOND.test", "second.test"), ("a.wild.test", "second.test"), ("a.b.wild.test", "localhost"),
            ("wild.test", "localhost"), ("elsewhere.test", "localhost"),
        ]
        for (name, shown) in cases {
            #expect(try RawTLSClient(echo.address, Offer(name: name)).commonName == shown, "\(name ?? "no name")")
        }
    }

    @Test func aRequiredClientCertificateIsToldAndItsLackRefused() throws {
        var configuration = TLSServerConfiguration(certificates: [TestCertificates.files("server")])
        configuration.clientAuthorityPath = TestCertificates.path("ca.pem")
        configuration.clientCertificates = .required
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, Offer(certificate: TestCertificates.files("client")))
        client.send([1])
        #expect(client.receive(1) == [1])
        let peer = echo.loop.log.withLock { $0.secured.values.first }
        #expect(peer?.commonName == "kitchen tablet")
        #expect(peer?.uris == ["urn:carillon:device:kitchen"])
        #expect(peer?.certificateHash?.count == 32)
        let bare = try RawTLSClient(echo.address)
        #expect(bare.receive(1).isEmpty)
        #expect(bare.failure.contains("certificate required"))
        #expect(echo.failure(1)?.cause == .certificateWanted)
    }

    @Test func anOptionalClientCertificateMayBeMissingAndMayNotBeWrong() throws {
        var configuration = TLSServerConfiguration(certificates: [TestCertificates.files("server")])
        configuration.clientAuthorityPath = TestCertificates.path("otherca.pem")
        configuration.clientCertificates = .optional
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        let bare = try RawTLSClient(echo.address)
        bare.send([1])
        #expect(bare.receive(1) == [1])
        let stranger = try RawTLSClient(echo.address, Offer(certificate: TestCertificates.files("client")))
        #expect(stranger.receive(1).isEmpty)
        #expect(echo.failure(1)?.cause == .untrusted)
    }

    @Test func theOCSPResponseIsStapledForWhoAsks() throws {
        let configuration = TLSServerConfiguration(
            certificates: [TestCertificates.files("server", ocsp: "server.ocsp")])
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        #expect(try RawTLSClient(echo.address, Offer(asksForStaple: true)).staple == Array(TestCertificates.staple))
        #expect(try RawTLSClient(echo.address).staple.isEmpty)
    }

    @Test func badFilesAreNamed() throws {
        let good = TestCertificates.files("server")
        let missing = TLSFiles(chainPath: "/nowhere/a.pem", keyPath: good.keyPath)
        let noPEM = TLSFiles(chainPath: TestCertificates.path("server.ocsp"), keyPath: good.keyPath)
        let noKey = TLSFiles(chainPath: good.chainPath, keyPath: TestCertificates.path("ca.pem"))
        let otherKey = TLSFiles(chainPath: good.chainPath, keyPath: TestCertificates.path("second.key"))
        let noStaple = TLSFiles(
            chainPath: good.chainPath, keyPath: good.keyPath, ocspPath: TestCertificates.path("ca.pem"))
        for (files, path, cause) in [
            (missing, "/nowhere/a.pem", .badFile), (noPEM, noPEM.chainPath, .badFile), (noKey, noKey.keyPath, .badFile),
            (otherKey, otherKey.keyPath, .keyMismatch), (noStaple, noStaple.ocspPath ?? "", .badFile),
        ] as [(TLSFiles, String, TLSError.Cause)] {
            let error = #expect(throws: TLSError.self) {
                try TLSServer(TLSServerConfiguration(certificates: [files]))
            }
            #expect(error?.cause == cause)
            #expect(error?.sentence.contains(path) == true, "\(error?.sentence ?? "")")
        }
    }

    @Test func aReloadIsForNewConnectionsAndOneThatFailsChangesNothing() throws {
        let folder = try TestCertificates.copy("server")
        let files = TLSFiles(chainPath: "\(folder)/live.pem", keyPath: "\(folder)/live.key")
        let echo = try TLSEcho(TLSServerConfiguration(certificates: [files]))
        defer { echo.loop.end() }
        let old = try RawTLSClient(echo.address)
        #expect(old.commonName == "localhost")
        try TestCertificates.replace(folder, by: "second")
        try echo.server.reload()
        #expect(try RawTLSClient(echo.address).commonName == "second.test")
        old.send([1, 2])
        #expect(old.receive(2) == [1, 2])
        try "nothing".write(toFile: files.keyPath, atomically: true, encoding: .utf8)
        let error = #expect(throws: TLSError.self) { try echo.server.reload() }
        #expect(error?.sentence.contains(files.keyPath) == true)
        #expect(try RawTLSClient(echo.address).commonName == "second.test")
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func aTicketResumesOnAnyLoopUntilItsKeyWasReplacedTwice(_ version: Int32) throws {
        let first = try TLSEcho()
        defer { first.loop.end() }
        let server = first.server
        let secondLoop = try ProbeLoop { probe in
            echo(probe)
            probe.onAccepted = { probe, socket in probe.loop.adopt(socket, tls: server) }
        }
        defer { secondLoop.end() }
        let secondAddress = try secondLoop.listen()
        var offer = Offer(lowest: version, highest: version)
        let client = try RawTLSClient(first.address, offer)
        client.send([1])
        // The ticket of TLS 1.3 comes before the answer.
        #expect(client.receive(1) == [1])
        #expect(!client.isResumed)
        let session = try #require(SSL_get1_session(client.ssl))
        defer { SSL_SESSION_free(session) }
        offer.session = session
        #expect(try RawTLSClient(secondAddress, offer).isResumed)
        server.renewTicketKey()
        #expect(try RawTLSClient(first.address, offer).isResumed)
        #expect(first.loop.perform { $0.loop.handshakes.resumed } == 1)
        server.renewTicketKey()
        let late = try RawTLSClient(first.address, offer)
        #expect(late.isSecured)
        #expect(!late.isResumed)
    }

    @Test func renegotiationIsRefused() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, Offer(highest: TLS1_2_VERSION))
        client.send([1])
        #expect(client.receive(1) == [1])
        #expect(SSL_renegotiate(client.ssl) == 1)
        // The server answers with the warning no_renegotiation, which OpenSSL's client takes for fatal.
        #expect(SSL_do_handshake(client.ssl) != 1)
        #expect(echo.loop.log.withLock { $0.secured.count } == 1)
        #expect(echo.loop.perform { $0.loop.handshakes.done } == 1)
    }

    @Test func plainHTTPIsAnsweredInItsOwnTongue() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try PlainClient(echo.address)
        client.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        let answer = String(decoding: client.receive(4096), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(answer.contains("https"))
    }

    @Test(arguments: [1, 5, 100, 5000])
    func bytesThatAreNoTLSEndTheConnection(_ count: Int) throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try PlainClient(echo.address)
        client.send([0x80] + pattern(count - 1))
        client.finishSending()
        #expect(echo.failure() != nil)
        #expect(echo.loop.perform { $0.loop.connectionCount } == 0)
    }

    @Test func aHandshakeThatNeverEndsIsCutOffByItsLength() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try PlainClient(echo.address)
        // A ClientHello of 130,000 bytes in records of 16 KiB.
        var bytes: [UInt8] = [1, 1, 0xFB, 0xD0, 3, 3]
        bytes += [UInt8](repeating: 7, count: 130_000)
        for start in stride(from: 0, to: bytes.count, by: 16_384) {
            let part = bytes[start..<min(start + 16_384, bytes.count)]
            client.send([22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part)
        }
        #expect(echo.failure() != nil)
    }

    @Test func aSilentPeerIsNoFailure() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        do { _ = try PlainClient(echo.address) }
        #expect(echo.reason() == .peerClosed)
        #expect(echo.loop.perform { $0.loop.handshakes.failed } == 0)
    }
}
