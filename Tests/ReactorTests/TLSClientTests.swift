import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct TLSClientTests {
    private static func trusting(_ authority: String? = "ca.pem", pins: [[UInt8]] = []) -> TLSClientConfiguration {
        var configuration = TLSClientConfiguration()
        configuration.authorityPath = authority.map(TestCertificates.path)
        configuration.pins = pins
        return configuration
    }

    /// SHA-256 of the public key in a file of the tests: what `openssl pkey -pubout -outform der` gives, hashed.
    private static func pin(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.count, by: 2).map { offset in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
    }
    private static let serverPin = pin("85e15b19d78a1343871c49ef93f64486e518030271fab834dfcfe01b29ad14c3")
    private static let authorityPin = pin("b53dd50cadbb0116dab959a14fdc97cbe10fc3ac586ee5b881d4494dc6180b0d")

    /// Connects, sends "hi", and tells what came back or why not.
    private func attempt(
        _ configuration: TLSClientConfiguration, host: String = "localhost", certificate: String = "server"
    ) throws -> (answer: [UInt8], error: TLSError?, peer: TLSPeer?) {
        let echo = try TLSEcho(TLSServerConfiguration(certificates: [TestCertificates.files(certificate)]))
        defer { echo.loop.end() }
        return try attempt(TLSClient(configuration), host, echo.address)
    }

    private func attempt(
        _ client: TLSClient, _ host: String, _ address: SocketAddress
    ) throws -> (answer: [UInt8], error: TLSError?, peer: TLSPeer?) {
        let loop = try ProbeLoop()
        defer { loop.end() }
        let id = try #require(
            loop.perform { probe in
                let id = probe.loop.connect(
                    to: address, options: ConnectOptions(tls: TLSTarget(client: client, host: host)))
                probe.loop.send(id, Array("hi".utf8))
                return id
            })
        eventually { loop.log.withLock { $0.received[id] != nil || $0.closed[id] != nil } }
        let (answer, reason) = loop.log.withLock { ($0.received[id] ?? [], $0.closed[id]?.first) }
        #expect(loop.log.withLock { $0.connected.count } == (answer.isEmpty ? 0 : 1))
        let peer = loop.perform { $0.loop.tlsPeer(id) } ?? nil
        if case .tls(let error)? = reason { return (answer, error, peer) }
        return (answer, nil, peer)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "LOCALHOST", "localhost."])
    func aServerOfATrustedAuthorityIsReachedByItsNames(_ host: String) throws {
        let outcome = try attempt(Self.trusting(), host: host)
        #expect(outcome.answer == Array("hi".utf8), "\(outcome.error?.sentence ?? "")")
        #expect(outcome.peer?.commonName == "localhost")
        #expect(outcome.peer?.certificateHash?.count == 32)
        #expect(outcome.peer?.version == "TLSv1.3")
    }

    @Test(arguments: ["elsewhere.test", "127.0.0.2", "::1", "sub.localhost"])
    func anotherNameIsRefusedAndSaysWhichThereAre(_ host: String) throws {
        let error = try #require(try attempt(Self.trusting(), host: host).error)
        #expect(error.cause == .untrusted)
        #expect(error.sentence == "The server's certificate is not for \(host) but for localhost, 127.0.0.1.")
    }

    @Test func anUnknownAuthoritySaysHowToTrustIt() throws {
        for authority in ["otherca.pem", nil] {
            let error = try #require(try attempt(Self.trusting(authority)).error)
            #expect(error.cause == .untrusted)
            #expect(error.sentence.contains("--ca FILE"))
        }
    }

    @Test func anExpiredCertificateIsCalledSo() throws {
        let error = try #require(try attempt(Self.trusting(), certificate: "expired").error)
        #expect(error.cause == .untrusted)
        #expect(error.sentence.contains("expired"))
    }

    @Test func thePinnedKeyOfTheServerDecidesAlone() throws {
        let pins = Self.trusting(nil, pins: [Self.serverPin])
        #expect(try attempt(pins).answer == Array("hi".utf8))
        #expect(try attempt(pins, host: "elsewhere.test").answer == Array("hi".utf8))
        let error = try #require(try attempt(pins, certificate: "second").error)
        #expect(error.cause == .untrusted)
        #expect(error.sentence.contains("pinned"))
    }

    @Test func aPinnedAuthorityHasToBeShownAndToHaveMadeTheChain() throws {
        // Not shown: the server's file holds its own certificate only.
        #expect(try attempt(Self.trusting(nil, pins: [Self.authorityPin])).error?.cause == .untrusted)
        let folder = try TestCertificates.copy("server")
        let chain = "\(folder)/live.pem"
        let authority = try String(contentsOfFile: TestCertificates.path("ca.pem"), encoding: .utf8)
        try (String(contentsOfFile: chain, encoding: .utf8) + "\n" + authority)
            .write(toFile: chain, atomically: true, encoding: .utf8)
        let files = TLSFiles(chainPath: chain, keyPath: "\(folder)/live.key")
        let echo = try TLSEcho(TLSServerConfiguration(certificates: [files]))
        defer { echo.loop.end() }
        let client = try TLSClient(Self.trusting(nil, pins: [Self.authorityPin]))
        #expect(try attempt(client, "localhost", echo.address).answer == Array("hi".utf8))
        let error = try attempt(client, "elsewhere.test", echo.address).error
        #expect(error?.sentence.contains("is not for elsewhere.test") == true)
    }

    @Test func withAnAuthorityThePinIsAskedForToo() throws {
        #expect(try attempt(Self.trusting(pins: [Self.authorityPin])).answer == Array("hi".utf8))
        #expect(try attempt(Self.trusting(pins: [Self.serverPin])).answer == Array("hi".utf8))
        let error = try #require(try attempt(Self.trusting(pins: [[UInt8](repeating: 1, count: 32)])).error)
        #expect(error.sentence.contains("pinned"))
        #expect(try attempt(Self.trusting("otherca.pem", pins: [Self.serverPin])).error != nil)
    }

    @Test func aSecondConnectionResumesTheFirstOnesSession() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try TLSClient(Self.trusting())
        #expect(try attempt(client, "localhost", echo.address).peer?.isResumed == false)
        let second = try attempt(client, "localhost", echo.address)
        #expect(second.peer?.isResumed == true)
        #expect(second.peer?.commonName == "localhost")
        // The session of one name is none of another's.
        #expect(try attempt(client, "127.0.0.1", echo.address).peer?.isResumed == false)
        #expect(try attempt(client, "elsewhere.test", echo.address).error != nil)
    }

    @Test func aServerThatWantsACertificateIsToldApart() throws {
        var configuration = TLSServerConfiguration(certificates: [TestCertificates.files("server")])
        configuration.clientAuthorityPath = TestCertificates.path("ca.pem")
        configuration.clientCertificates = .required
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        var own = Self.trusting()
        own.certificate = TestCertificates.files("client")
        #expect(try attempt(TLSClient(own), "localhost", echo.address).answer == Array("hi".utf8))
        let loop = try ProbeLoop()
        defer { loop.end() }
        let target = TLSTarget(client: try TLSClient(Self.trusting()), host: "localhost")
        let id = try #require(loop.perform { $0.loop.connect(to: echo.address, options: ConnectOptions(tls: target)) })
        eventually { loop.log.withLock { $0.closed[id] != nil } }
        guard case .tls(let error)? = loop.log.withLock({ $0.closed[id]?.first }) else {
            Issue.record("It ended for another reason.")
            return
        }
        #expect(error.cause == .certificateWanted)
    }

    @Test func aServerWithoutTLSIsCalledSo() throws {
        let server = try ProbeLoop { probe in
            probe.onReceived = { probe, id, _ in
                probe.loop.send(id, Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
                probe.loop.close(id, afterFlush: true)
            }
        }
        defer { server.end() }
        let error = try attempt(TLSClient(Self.trusting()), "localhost", try server.listen()).error
        #expect(error?.sentence.contains("does not speak TLS") == true)
    }

    @Test func filesThatAreMissingAreNamed() {
        let error = #expect(throws: TLSError.self) { try TLSClient(Self.trusting("missing.pem")) }
        #expect(error?.cause == .badFile)
        #expect(error?.sentence.contains("missing.pem") == true)
    }
}
