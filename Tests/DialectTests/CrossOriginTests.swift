import Foundation
import Hub
import HubTesting
import Testing

@Suite("Dialects asked by pages of other sites", .timeLimit(.minutes(5)))
struct CrossOriginTests {
    private static let origin = "https://app.example.org"
    private static let asking =
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"

    private func names(_ head: String) -> [String] {
        head.lowercased().split(separator: "\r\n").map { String($0.prefix { $0 != ":" }) }
            .filter { $0.hasPrefix("access-control-") }
    }

    @Test("a page of a site that was named may ask, and reads refusals too")
    func named() throws {
        let hub = try TestHub.watermelon(.sqlite) { $0.dialectOrigins = [Self.origin] }
        let from = "Origin: \(Self.origin)\r\n"
        // A preflight has no key.
        let preflight = try hub.request("OPTIONS", "/sync?last_pulled_at=0", key: "", fields: from + Self.asking)
        #expect(preflight.status == 204)
        for line in [
            "Access-Control-Allow-Origin: \(Self.origin)", "Access-Control-Allow-Methods: GET, POST",
            "Access-Control-Allow-Headers: Authorization, Content-Type, X-API-Key, X-Device-Id", "Vary: Origin",
        ] { #expect(preflight.head.contains(line + "\r\n"), "\(preflight.head)") }
        for (key, status) in [(hub.key, 200), ("", 401)] {
            let answer = try hub.request("GET", "/sync?last_pulled_at=0", key: key, fields: from)
            #expect(answer.status == status)
            #expect(answer.head.contains("Access-Control-Allow-Origin: \(Self.origin)\r\n"))
            #expect(!answer.head.lowercased().contains("allow-credentials"))
        }
        let long = try hub.request("POST", "/sync", fields: from + "Content-Length: 99999999999\r\n")
        #expect(long.status >= 400)
        // The hub's own paths are none of a dialect's.
        let own = try hub.request("GET", "/v1/status", fields: from)
        #expect(own.status == 403 && names(own.head).isEmpty)
    }

    @Test("a page of any other site may not, and is told so in the dialect's form")
    func others() throws {
        for origins in [[], [Self.origin]] {
            let hub = try TestHub.watermelon(.sqlite) { $0.dialectOrigins = origins }
            for origin in ["https://evil.example", "https://app.example.org.evil.example", "null", "*"] {
                let from = "Origin: \(origin)\r\n"
                let preflight = try hub.request("OPTIONS", "/sync", key: "", fields: from + Self.asking)
                #expect(preflight.status == 403 && names(preflight.head).isEmpty)
                let answer = try hub.request("GET", "/sync", fields: from)
                #expect(answer.status == 403 && names(answer.head).isEmpty)
                #expect(answer.body.contains(#""error":"#), "in the dialect's own form: \(answer.body)")
                #expect(answer.head.contains("Vary: Origin") == !origins.isEmpty)
            }
        }
    }
}
