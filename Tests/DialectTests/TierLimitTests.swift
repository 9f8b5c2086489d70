import Causality
import ClaudeMemoryDialect
import Hub
import HubTesting
import Storage
import Testing

/// What a user's tier allows, as the foreign clients are told it.
@Suite("Tier limits of dialects", .timeLimit(.minutes(5)))
struct TierLimitTests {
    private func limit(_ hub: TestHub, devices: Int = -1, records: Int = -1) throws {
        var user = try #require(try hub.store.accounts.user(named: "ada"))
        user.tier = .init(name: "tiny", deviceLimit: devices, recordLimit: records)
        try hub.store.accounts.update(user)
    }

    @Test(
        "a device too many is refused by WatermelonDB, and what it pushes is not applied", arguments: HubStore.allCases)
    func watermelonDevices(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try limit(hub, devices: 1)
        let seen = try hub.pull(nil).timestamp
        let device = "X-Device-Id: tablet\r\n"
        let push = WatermelonDBPushTests.tasks(created: #"{"id":"a"}"#)
        for answer in [
            try hub.request("GET", "/sync?last_pulled_at=0", fields: device),
            try hub.request("POST", "/sync?last_pulled_at=\(seen)", body: push, fields: device),
        ] {
            #expect((400...599).contains(answer.status) && answer.status != 401)
            #expect(answer.body.contains(#""error":"device_limit""#), "\(answer.body)")
        }
        #expect(try hub.pull(seen).changes.isEmpty)
        #expect(try hub.push(push, since: seen).status == 200)
    }

    @Test(
        "rows none of which there is room for are all rejected by id, and the app goes on", arguments: HubStore.allCases
    )
    func watermelonRecords(store: HubStore) throws {
        let hub = try TestHub.watermelon(store)
        try limit(hub, records: 0)
        let seen = try hub.pull(nil).timestamp
        let pushed = try hub.push(WatermelonDBPushTests.tasks(created: #"{"id":"a"},{"id":"b"}"#), since: seen)
        #expect(pushed.status == 200)
        #expect(pushed.body == #"{"ok":true,"experimentalRejectedIds":{"tasks":["a","b"]}}"#)
        #expect(try hub.pull(nil).changes.isEmpty)
        #expect(try hub.push("{}", since: seen).body == #"{"ok":true}"#)
    }

    @Test("claude-memory answers 507 past either limit, and goes on with what is there", arguments: HubStore.allCases)
    func claudeMemory(store: HubStore) throws {
        let hub = try TestHub(store: store.open()) { $0.dialects = [MountedDialect(ClaudeMemoryDialect())] }
        let first = #"{"content":"one"}"#
        #expect(try hub.request("POST", "/api/memories", body: first, fields: "X-Device-Id: phone\r\n").status == 200)
        try limit(hub, devices: 1, records: 1)
        let device = try hub.request(
            "POST", "/api/memories", body: #"{"content":"two"}"#, fields: "X-Device-Id: tablet\r\n")
        #expect(device.status == 507 && device.body.contains(#""error":"device_limit""#))
        let record = try hub.request(
            "POST", "/api/memories", body: #"{"content":"two"}"#, fields: "X-Device-Id: phone\r\n")
        #expect(record.status == 507 && record.body.contains(#""error":"record_limit""#))
        // Reading needs no device, and what says the same is no new row.
        let again = try hub.request("POST", "/api/memories", body: first, fields: "X-Device-Id: tablet\r\n")
        #expect(again.status == 200)
        let id = again.body.drop { !$0.isNumber }.prefix { $0.isNumber }
        #expect(try hub.request("GET", "/api/memories/sync", fields: "X-Device-Id: tablet\r\n").status == 200)
        let edit = try hub.request(
            "PUT", "/api/memories/\(id)", body: #"{"content":"uno"}"#, fields: "X-Device-Id: phone\r\n")
        #expect(edit.status == 200)
        #expect(try hub.request("DELETE", "/api/memories/\(id)", fields: "X-Device-Id: phone\r\n").status == 200)
        let room = try hub.request(
            "POST", "/api/memories", body: #"{"content":"two"}"#, fields: "X-Device-Id: phone\r\n")
        #expect(room.status == 200, "\(room.body)")
    }
}
