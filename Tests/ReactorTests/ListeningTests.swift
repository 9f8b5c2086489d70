import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct ListeningTests {
    @Test func aSecondBindToThePortSaysThatItIsInUse() throws {
        let first = try ListeningSocket.bind(to: .ipv4(port: 0))
        defer { first.close() }
        #expect(first.localAddress.port != 0)
        #expect(throws: ReactorError.addressInUse(first.localAddress)) {
            try ListeningSocket.bind(to: first.localAddress)
        }
        #expect("\(ReactorError.addressInUse(first.localAddress))".contains("another process listens there"))
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func withoutDescriptorsAcceptingRestsAndRecovers(_ code: Int32) throws {
        let calls = Guarded(0)
        let isFailing = Guarded(true)
        let server = try ProbeLoop(
            calls: SystemCalls { call in
                guard call == .accept else { return nil }
                calls.withLock { $0 += 1 }
                return isFailing.withLock { $0 } ? .error(code) : nil
            }, echo)
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        client.send([1])
        usleep(350_000)
        let attempts = calls.withLock { $0 }
        #expect((2...5).contains(attempts), "\(attempts) calls in 350 ms")
        isFailing.withLock { $0 = false }
        #expect(client.receive(1) == [1])
    }

    @Test func aConnectionAbortedInTheBacklogDoesNotStopTheNext() throws {
        let calls = Guarded(0)
        let server = try ProbeLoop(
            calls: SystemCalls { call in
                guard call == .accept else { return nil }
                return calls.withLock { calls in
                    calls += 1
                    return calls <= 3 ? .error(ECONNABORTED) : nil
                }
            }, echo)
        defer { server.end() }
        let client = try PlainClient(try server.listen())
        client.send([1])
        #expect(client.receive(1) == [1])
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("[fe80::2]", "[fe80::2]:80")])
    func addressesAreReadAndWritten(_ text: String, _ description: String) throws {
        #expect(try SocketAddress.parse(text, port: 80).description == description)
    }

    @Test(arguments: ["", "localhost", "1.2.3", "[::1", "1.2.3.256"])
    func whatIsNotAnAddressIsRefused(_ text: String) {
        #expect(throws: ReactorError.addressMalformed(text)) { try SocketAddress.parse(text, port: 80) }
    }

    @Test func namesAreResolved() async throws {
        let addresses = await withCheckedContinuation { continuation in
            SocketAddress.resolve(host: "localhost", port: 81) { continuation.resume(returning: $0) }
        }
        #expect(try addresses.get().contains { $0 == .ipv4(port: 81) || $0 == .ipv6Loopback(port: 81) })
    }
}
