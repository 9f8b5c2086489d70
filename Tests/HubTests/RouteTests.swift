import Foundation
import HubTesting
import Testing

/// The routes that `Protocol/openapi.yaml` describes are those that the hub has.
@Suite("Routes", .timeLimit(.minutes(5)))
struct RouteTests {
    /// Methods by path, in the document's order, read from its indentation.
    private func documented() throws -> [(path: String, methods: [String])] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Protocol/openapi.yaml")
        var routes: [(path: String, methods: [String])] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("components:") { break }
            if line.hasPrefix("  /"), line.hasSuffix(":") {
                routes.append((String(line.dropFirst(2).dropLast()), []))
            } else if ["    get:", "    post:", "    delete:", "    put:", "    patch:"].contains(String(line)) {
                routes[routes.count - 1].methods.append(line.dropFirst(4).dropLast().uppercased())
            }
        }
        return routes
    }

    @Test("each path allows the methods that the document gives it, and no others")
    func methods() throws {
        let hub = try TestHub()
        let routes = try documented()
        #expect(routes.count >= 11)
        for (path, methods) in routes {
            let target = path.replacingOccurrences(of: "{", with: "x").replacingOccurrences(of: "}", with: "")
            let answer = try hub.request("PROPFIND", target)
            #expect(answer.status == 405, "\(path)")
            let allow = answer.head.split(separator: "\r\n").first { $0.hasPrefix("Allow: ") }
            let allowed = Set((allow?.dropFirst("Allow: ".count) ?? "").split(separator: ", ").map(String.init))
            #expect(allowed == Set(methods + (methods.contains("GET") ? ["HEAD"] : [])), "\(path)")
        }
        for path in ["/", "/v1", "/v1/push/x", "/v1/records/a", "/v1/records/a/b/c", "/v1/devices/a/b", "/v2/push"] {
            #expect(try hub.request("GET", path).status == 404, "\(path)")
        }
    }

    @Test("problem details tell the answer's own status, also where the request was no HTTP")
    func statuses() throws {
        let hub = try TestHub()
        for (request, status) in [
            ("GET /\(String(repeating: "x", count: 70_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505), ("GET / HTTP/1.1\r\n\r\n", 400),
        ] {
            let answer = try SocketPeer(port: hub.port).exchange(request)
            #expect(answer.status == status)
            #expect(answer.body.contains("\"status\":\(status),"))
        }
    }

    @Test("names in a query or a header that are no UTF-8 are refused and not read as others")
    func brokenNames() throws {
        let hub = try TestHub()
        #expect(try hub.request("GET", "/v1/records?kind=%ff").status == 422)
        #expect(try hub.request("GET", "/v1/pull?kinds=a,%e9").status == 422)
        #expect(try hub.request("GET", "/v1/records?kind=").status == 422)
        let peer = try SocketPeer(port: hub.port)
        let body = #"{"changes":[]}"#
        try peer.write(
            Array(
                "POST /v1/push HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(hub.key)\r\nX-Carillon-Device: caf".utf8)
                + [0xe9] + Array("\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
        #expect(try peer.exchange("").status == 422)
    }
}
