import Foundation
import Glibc
import Testing

/// An HTTP server that says what a test wants it to say, one request per connection.
final class StandInServer: Sendable {
    struct Request {
        let method: String
        let path: String
        let query: String
        let body: String
        /// All of it, its fields too.
        let head: String
    }

    struct Answer {
        var status = 200
        var type = "application/json"
        var body = ""
        /// More than there is: the connection then breaks off in the middle.
        var missingBytes = 0
    }

    let port: UInt16
    private let descriptor: Int32

    var url: String { "http://127.0.0.1:\(port)" }

    init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(HubProcess.withAddress(port: 0) { bind(listener, $0, $1) } == 0)
        try #require(listen(listener, 16) == 0)
        descriptor = listener
        port = HubProcess.port(of: listener)
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                StandInServer.serve(connection, answer)
            }
        }
    }

    // Its thread's accept fails then, and the thread ends.
    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private static func serve(_ connection: Int32, _ answer: (Request) -> Answer) {
        defer { close(connection) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound]
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
            let body = text[end.upperBound...]
            guard body.utf8.count >= length ?? 0 else { continue }
            let words = head.split(separator: " ")
            let target = words.count > 1 ? words[1].split(separator: "?", maxSplits: 1) : []
            let told = answer(
                Request(
                    method: String(words.first ?? ""), path: String(target.first ?? ""),
                    query: target.count > 1 ? String(target[1]) : "", body: String(body), head: String(head)))
            let out =
                "HTTP/1.1 \(told.status) Told\r\nContent-Type: \(told.type)\r\n"
                + "Content-Length: \(told.body.utf8.count + told.missingBytes)\r\nConnection: close\r\n\r\n\(told.body)"
            _ = Array(out.utf8).withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            return
        }
    }
}
