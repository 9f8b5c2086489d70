import COpenSSL
import Cryptography
import Foundation
import Reactor
import Testing

/// What a peer may have done for nothing, and what is counted of it.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TLSFloodTests {
    @Test(arguments: [SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED])
    func updatesOfKeysWithoutDataEndTheConnection(_ kind: Int32) throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, RawTLSClient.Offer(lowest: TLS1_3_VERSION))
        let updates = Guarded<[UInt8]>([])
        client.useMemory { client in
            for _ in 0..<200 where SSL_key_update(client.ssl, kind) == 1 { SSL_do_handshake(client.ssl) }
            updates.withLock { $0 = client.writtenToMemory() }
        }
        #expect(updates.withLock { $0.count } >= 200 * 20)
        client.plain.send(updates.withLock { $0 })
        #expect(echo.failure()?.sentence.contains("without data") == true)
        #expect(echo.loop.log.withLock { $0.received.isEmpty })
    }

    @Test func updatesOfKeysWithDataBetweenThemGoOn() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address, RawTLSClient.Offer(lowest: TLS1_3_VERSION))
        for number in 0..<80 {
            #expect(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
            client.send([UInt8(number)])
            guard client.receive(1) == [UInt8(number)] else {
                Issue.record("The stream ended after \(number) updates: \(client.failure)")
                return
            }
        }
    }

    /// The beginning of a ClientHello.
    private static let beginning: [UInt8] = [22, 3, 1, 0, 100, 1]

    @Test func aHandshakeThatIsResetOrWaitedForTooLongIsCountedAsFailed() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        do {
            let client = try PlainClient(echo.address)
            client.send(Self.beginning)
            eventually { echo.loop.perform { $0.loop.connectionCount } == 1 }
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        }
        #expect(echo.reason() == .failed(ECONNRESET))
        #expect(echo.loop.perform { $0.loop.handshakes.failed } == 1)
        let slow = try PlainClient(echo.address)
        slow.send(Self.beginning)
        // Its first bytes came, or it is none that has begun.
        usleep(50_000)
        let id = ConnectionID(index: 0, generation: 2)
        echo.loop.perform { $0.loop.close(id, afterFlush: false) }
        #expect(echo.reason(generation: 2) == .local)
        #expect(echo.loop.perform { $0.loop.handshakes.failed } == 2)
    }

    @Test func bytesThatTheKernelTookAreCounted() throws {
        let echo = try TLSEcho()
        defer { echo.loop.end() }
        let client = try RawTLSClient(echo.address)
        client.send(pattern(100_000))
        #expect(client.receive(100_000).count == 100_000)
        let sent = echo.loop.perform { $0.loop.bytesSent } ?? 0
        #expect(sent > 100_000 && sent < 130_000)
    }

    @Test func aNameThatIsTooLongIsLeftOutAndNotCut() throws {
        let now = Int64(Date().timeIntervalSince1970)
        let authority = try LocalAuthority.make(now: now)
        let folder = try TestCertificates.copy("server")
        try authority.certificatePEM.write(toFile: "\(folder)/ca.pem", atomically: true, encoding: .utf8)
        var configuration = TLSServerConfiguration(
            certificates: [TLSFiles(chainPath: "\(folder)/live.pem", keyPath: "\(folder)/live.key")])
        configuration.clientAuthorityPath = "\(folder)/ca.pem"
        configuration.clientCertificates = .required
        let echo = try TLSEcho(configuration)
        defer { echo.loop.end() }
        for (slot, length) in [512, 513].enumerated() {
            let uri = "carillon:" + String(repeating: "a", count: length - 9)
            let issued = try authority.issueClient(uri: uri, commonName: "long", now: now)
            let files = TLSFiles(chainPath: "\(folder)/\(length).pem", keyPath: "\(folder)/\(length).key")
            try issued.certificatePEM.write(toFile: files.chainPath, atomically: true, encoding: .utf8)
            try issued.keyPEM.write(toFile: files.keyPath, atomically: true, encoding: .utf8)
            let client = try RawTLSClient(echo.address, RawTLSClient.Offer(certificate: files))
            client.send([1])
            #expect(client.receive(1) == [1])
            let peers = echo.loop.log.withLock { $0.secured }
            #expect(peers.count == slot + 1)
            #expect(peers.values.filter { $0.uris == [uri] }.count == (length == 512 ? 1 : 0))
            #expect(peers.values.allSatisfy { $0.uris.allSatisfy { $0.utf8.count <= 512 } })
        }
    }
}
