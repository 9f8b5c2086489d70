import Foundation
import Hub
import HubTesting
import Reactor
import Storage
import Testing

@Suite("Metrics", .timeLimit(.minutes(5)))
struct MetricsTests {
    private func scrape(_ hub: TestHub) throws -> PrometheusText {
        try PrometheusText(try hub.request("GET", "/metrics").body)
    }

    @Test("a scrape tells what a session of two devices came to, in Prometheus' format", arguments: HubStore.allCases)
    func session(_ kind: HubStore) throws {
        let hub = try TestHub(store: kind.open())
        let (laptop, phone) = (try hub.device("laptop"), try hub.device("phone"))
        try laptop.catchUp()
        try phone.catchUp()
        let first = change("a", ["l": 1], 1)
        _ = try laptop.push([first, change("b", ["l": 1], 1)])
        _ = try laptop.push([first])
        _ = try phone.changes(count: 2)
        try phone.send(["type": "ping", "id": "1"])
        _ = try phone.next("pong")
        let page = try scrape(hub)
        #expect(try page.value("carillon_connections", ["kind": "socket"]) == 2)
        #expect(try page.value("carillon_subscribers") == 2 && page.value("carillon_sessions_total") == 2)
        #expect(try page.value("carillon_frames_received_total", ["type": "hello"]) == 2)
        #expect(try page.value("carillon_frames_received_total", ["type": "push"]) == 2)
        #expect(try page.value("carillon_frames_received_total", ["type": "ping"]) == 1)
        #expect(try page.value("carillon_frames_sent_total", ["type": "welcome"]) == 2)
        #expect(try page.value("carillon_frames_sent_total", ["type": "pushed"]) == 2)
        #expect(try page.value("carillon_frames_sent_total", ["type": "changes"]) == 1)
        #expect(try page.value("carillon_verdicts_total", ["verdict": "accepted"]) == 2)
        #expect(try page.value("carillon_verdicts_total", ["verdict": "duplicate"]) == 1)
        #expect(try page.value("carillon_pushes_total") == 2 && page.value("carillon_commits_total") == 2)
        #expect(try page.value("carillon_push_duration_seconds_count") == 2)
        #expect(try page.value("carillon_commit_duration_seconds_count") == 2)
        #expect(try page.value("carillon_delivery_duration_seconds_count") == 1)
        #expect(try page.value("carillon_received_bytes_total") > 300)
        #expect(try page.value("carillon_sent_bytes_total") > 300)
        #expect(try page.value("carillon_outbox_bytes") == 0 && page.value("carillon_lane_pushes") == 0)
        #expect(try page.value("carillon_shards_silent") == 0 && page.value("carillon_draining") == 0)
        #expect(try page.value("process_cpu_seconds_total") > 0 && page.value("process_open_fds") > 3)
        let startedAt = try page.value("process_start_time_seconds")
        #expect(startedAt > 1.7e9 && startedAt <= Date().timeIntervalSince1970 + 1)
    }

    @Test("every reason for a refusal is there before the first one")
    func refusals() throws {
        let hub = try TestHub()
        let page = try scrape(hub)
        for reason in RefusalReason.allCases {
            #expect(try page.value("carillon_rejected_total", ["reason": reason.rawValue]) == 0)
        }
    }

    @Test("operators read metrics and readiness without a key on their own listener, and nothing else")
    func operations() throws {
        let hub = try TestHub { $0.operationsAddress = .ipv4(port: 0) }
        let port = try #require(hub.hub.operationsAddress).port
        let answer = try TestHub.request(port, "", "GET", "/metrics")
        #expect(answer.status == 200 && answer.head.contains("text/plain; version=0.0.4"))
        #expect(try PrometheusText(answer.body).value("carillon_shards") == 2)
        #expect(try TestHub.request(port, "", "GET", "/health").status == 200)
        #expect(try TestHub.request(port, "", "GET", "/ready").status == 200)
        #expect(try TestHub.request(port, hub.key, "GET", "/v1/status").status == 404)
        #expect(try TestHub.request(port, hub.key, "GET", "/v1/socket").status == 404)
        #expect(try TestHub.request(port, "", "POST", "/metrics").status == 405)
        // Its own listener asks for a key still.
        #expect(try hub.request("GET", "/metrics", key: "car_nobody").status == 401)
        // One connection, one request after another.
        let peer = try SocketPeer(port: port)
        for _ in 0..<3 { #expect(try peer.exchange("GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200) }
    }

    @Test("a loop that hangs is told from one that is busy, and figures are told all the same")
    func hang() throws {
        let store = WatchedStore(writesBlock: false)
        let hub = try TestHub(store: store) { $0.operationsAddress = .ipv4(port: 0) }
        let port = try #require(hub.hub.operationsAddress).port
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        #expect(hub.hub.isAlive(milliseconds: 5_000, stuckSeconds: 60))
        // A store that does not block commits on the shard: this one does all the same.
        store.slowWrites(seconds: 3)
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        #expect(try eventually { !hub.hub.isAlive(milliseconds: 100, stuckSeconds: 60) })
        let page = try PrometheusText(try TestHub.request(port, "", "GET", "/metrics").body)
        #expect(try page.value("carillon_shards_silent") == 1)
        _ = try laptop.next("pushed")
        #expect(hub.hub.isAlive(milliseconds: 5_000, stuckSeconds: 60))
    }

    @Test("a commit that never ends is found, and a store that is away is not taken for one")
    func stuckCommit() throws {
        let store = WatchedStore(writesBlock: true)
        let hub = try TestHub(store: store) { $0.limits.storeWaitSeconds = 3 }
        let laptop = try hub.device("laptop")
        try laptop.catchUp()
        store.goAway(true)
        try laptop.send(["type": "push", "id": "p", "changes": [change("a", ["l": 1], 1)]])
        let until = Date() + 2.5
        while Date() < until { #expect(hub.hub.isAlive(milliseconds: 5_000, stuckSeconds: 2)) }
        _ = try laptop.next("error")
        store.goAway(false)
        store.slowWrites(seconds: 3)
        try laptop.send(["type": "push", "id": "q", "changes": [change("a", ["l": 1], 1)]])
        #expect(try eventually { !hub.hub.isAlive(milliseconds: 5_000, stuckSeconds: 1) })
        _ = try laptop.next("pushed")
        #expect(hub.hub.isAlive(milliseconds: 5_000, stuckSeconds: 1))
    }
}
