import Foundation
import Testing

/// What `carillon serve` takes before it refuses.
@Suite("Limits of serve", .serialized, .timeLimit(.minutes(5)))
struct LimitOptionTests {
    /// Each option, a value that is no default, the limit that it sets and what that is then.
    private static let options: [(String, Int, String, Int)] = [
        ("max-connections", 501, "connections_max", 501),
        ("max-connections-per-address", 502, "connections_per_address_max", 502),
        ("max-connections-per-key", 503, "connections_per_key_max", 503),
        ("max-new-connections-per-second", 504, "new_connections_per_second_max", 504),
        ("max-new-connections-per-address", 505, "new_connections_per_second_of_address_max", 505),
        ("max-streams-per-user", 506, "streams_per_user_max", 506),
        ("handshake-timeout", 31, "handshake_seconds", 31), ("head-timeout", 32, "head_seconds", 32),
        ("hello-timeout", 33, "hello_seconds", 33), ("request-timeout", 34, "request_seconds", 34),
        ("body-timeout", 35, "body_progress_seconds", 35), ("idle-timeout", 36, "idle_seconds", 36),
        ("max-head-kib", 17, "head_bytes_max", 17 << 10), ("max-body-mib", 18, "request_body_bytes_max", 18 << 20),
        ("max-frame-kib", 900, "frame_bytes_max", 900 << 10),
        ("max-changes-per-push", 901, "changes_per_push_max", 901),
        ("max-pushes-in-flight", 19, "pushes_in_flight_max", 19),
        ("max-requests-in-flight", 507, "requests_in_flight_max", 507),
        ("max-requests-in-flight-per-key", 508, "requests_in_flight_per_key_max", 508),
        ("rate-requests-per-key", 509, "requests_per_second_per_key_max", 509),
        ("rate-changes-per-device", 510, "changes_per_second_of_device_max", 510),
        ("login-tries", 21, "login_tries_free", 21), ("max-outbox-kib", 511, "outbox_bytes_max", 511 << 10),
        ("max-outboxes-mib", 512, "outboxes_bytes_max", 512 << 20),
        ("max-input-mib", 513, "input_bytes_max", 513 << 20),
        ("max-lane-pushes", 514, "lane_pushes_max", 514), ("max-lane-mib", 515, "lane_bytes_max", 515 << 20),
    ]

    @Test("every option reaches its limit, and the status shows the limits in force")
    func reach() throws {
        let words = LimitOptionTests.options.flatMap { ["--\($0.0)", "\($0.1)"] }
        let hub = try HubProcess(options: ["--quick-start", "--trusted-proxy", "10.0.0.0/8"] + words)
        let body = try Exchange(port: hub.port).ask("GET", "/v1/status", key: hub.key).body
        let status = try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
        let limits = try #require(status["limits"] as? [String: Int])
        let own = try #require(status["hub_limits"] as? [String: Int])
        for (option, _, name, value) in LimitOptionTests.options {
            #expect((limits[name] ?? own[name]) == value, "--\(option)")
        }
        #expect(limits["body_bytes_max"] == 900 << 10)
        #expect(own.count == LimitOptionTests.options.count - 3)
    }

    @Test("the help shows each option with its default, and a number that cannot be is refused with what can")
    func help() throws {
        let help = try Program(["serve", "--help"])
        #expect(help.exitStatus() == 0)
        for (option, _, _, _) in LimitOptionTests.options { #expect(help.text.contains("--\(option) <"), "\(option)") }
        #expect(help.text.contains("(default: 100000)") && help.text.contains("--trusted-proxy"))
        for words in [
            ["--max-connections", "0"], ["--idle-timeout", "0"], ["--max-frame-kib", "1"], ["--max-head-kib", "2000"],
            ["--trusted-proxy", "10.0.0.0/99"], ["--login-tries", "-1"],
        ] {
            let program = try Program(["serve", "--data", "/nonexistent", words[0] + "=" + words[1]])
            #expect(program.exitStatus() == 64)
            #expect(program.errorText.contains(words[0]))
        }
    }
}
