import Foundation
import Glibc
import Testing

/// A push over REST whose answer nobody read, to a hub that was killed behind its commit.
@Suite("Lost answers", .serialized, .timeLimit(.minutes(5)))
struct LostAnswerTests {
    @Test(
        "a request whose answer died with the hub is answered, after kill -9, as it would have been", arguments: 0..<3)
    func killedBehindTheCommit(round: Int) throws {
        let hub = try HubProcess()
        let body = #"{"id":"p1","changes":[{"kind":"note","id":"a","clock":{"l":1},"body":{"n":1}}]}"#
        let unread = try Exchange(port: hub.port)
        try unread.send("POST", "/v1/push", key: hub.key, body: body)
        // The commit is there when a reader sees it. Its answer lies in our socket, unread, or was never written.
        let deadline = Date(timeIntervalSinceNow: 30)
        while try Exchange(port: hub.port).ask("GET", "/v1/records/note/a", key: hub.key).status != 200 {
            try #require(Date() < deadline, "the push was not committed")
        }
        try hub.killAndRestart()
        let first = try Exchange(port: hub.port).ask("POST", "/v1/push", key: hub.key, body: body)
        let second = try Exchange(port: hub.port).ask("POST", "/v1/push", key: hub.key, body: body)
        #expect(first.status == 200 && first.body == second.body)
        #expect(first.body.contains(#""verdict":"accepted""#) && first.body.contains(#""reason":"first_version""#))
        let log = try Exchange(port: hub.port).ask("GET", "/v1/pull", key: hub.key).body
        #expect(log.components(separatedBy: #""position":"#).count == 2)
        // Without the kept answer the same change under another id is a duplicate.
        let other = body.replacingOccurrences(of: "p1", with: "p2")
        let duplicate = try Exchange(port: hub.port).ask("POST", "/v1/push", key: hub.key, body: other)
        #expect(duplicate.body.contains(#""verdict":"duplicate""#))
    }
}

/// One HTTP exchange on a connection of its own, with the answer left unread if so wanted.
final class Exchange {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit {
        close(descriptor)
    }

    func send(_ method: String, _ target: String, key: String, body: String = "") throws {
        let request =
            "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\n"
            + "X-Carillon-Device: laptop\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        let bytes = Array(request.utf8)
        try #require(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    func ask(_ method: String, _ target: String, key: String, body: String = "") throws -> (status: Int, body: String) {
        try send(method, target, key: key, body: body)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        let parts = text.components(separatedBy: "\r\n\r\n")
        try #require(parts.count == 2, "\(text.prefix(200))")
        return (Int(text.split(separator: " ")[1]) ?? 0, parts[1])
    }
}
