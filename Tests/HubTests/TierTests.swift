import Causality
import Foundation
import HubTesting
import Storage
import Testing

@testable import Hub

/// What a user may have, by whichever way a device comes.
@Suite("Tiers", .timeLimit(.minutes(5)))
struct TierTests {
    private func hub(_ store: HubStore, _ tier: Tier = Tier(name: "free", deviceLimit: 1, recordLimit: 7)) throws
        -> TestHub
    {
        let hub = try TestHub(store: try store.open())
        try set(tier, hub)
        return hub
    }

    private func set(_ tier: Tier, _ hub: TestHub) throws {
        var user = try hub.accounts.user("ada")
        user.tier = tier
        try hub.accounts.update(user)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test(
        "one device too many is refused by a hello, a header and a request, and one that is there is not",
        arguments: HubStore.allCases)
    func deviceLimit(_ store: HubStore) throws {
        let hub = try hub(store)
        let first = try hub.device("phone")
        try first.catchUp()
        let second = try hub.device("laptop")
        try second.send(["type": "hello", "protocol": 1, "device": "laptop"])
        let error = try second.next("error")
        #expect(error["code"] as? String == "device_limit" && error["fatal"] as? Bool == true)
        #expect((error["message"] as? String)?.contains("free") == true)
        #expect(try second.nextFrame() == nil && second.closeCode == 4524)
        let change = #"{"changes":[{"kind":"note","id":"a","clock":{"laptop":1},"body":{}}]}"#
        let pushed = try hub.request("POST", "/v1/push", body: change, fields: "X-Carillon-Device: laptop\r\n")
        #expect(pushed.status == 403 && pushed.body.contains("device_limit"))
        let registered = try hub.request("POST", "/v1/devices", body: #"{"id":"laptop"}"#)
        #expect(registered.status == 403 && registered.body.contains("device_limit"))
        // What is there comes back, and may be registered anew.
        #expect(try hub.request("POST", "/v1/devices", body: #"{"id":"phone"}"#).status == 201)
        try hub.device("phone").hello(["live": false])
        #expect(try hub.request("DELETE", "/v1/devices/phone").status == 204)
        #expect(try hub.request("POST", "/v1/devices", body: #"{"id":"laptop"}"#).status == 201)
        try set(Tier(name: "pro", deviceLimit: 2, recordLimit: -1), hub)
        try hub.device("phone").hello(["live": false])
        let status = try object(try hub.request("GET", "/v1/status").body)
        let tier = try #require(status["tier"] as? [String: Any])
        #expect(tier["name"] as? String == "pro" && tier["device_limit"] as? Int == 2)
        #expect(tier["devices"] as? Int == 2 && tier["records"] as? Int == 0 && tier["record_limit"] as? Int == -1)
    }

    @Test("a dialect's device is refused with the count, the limit and the tier", arguments: HubStore.allCases)
    func dialectDevice(_ store: HubStore) throws {
        let hub = try hub(store)
        let desk = DialectDesk(core: hub.hub.core)
        let user = try hub.accounts.user("ada")
        let device = try desk.device("web", of: user, name: "Web", platform: "linux", clientVersion: "0.2.35")
        #expect(device.name == "Web" && device.platform == "linux" && device.clientVersion == "0.2.35")
        #expect(try desk.device("web", of: user) == device)
        #expect(throws: DialectError.deviceLimit(count: 1, max: 1, tier: "free")) {
            _ = try desk.device("other", of: user)
        }
        #expect(try desk.removeDevice("web", of: user) && !desk.removeDevice("web", of: user))
        #expect(try desk.device("other", of: user).name == "other")
    }

    @Test(
        "keys of a user are made, listed and revoked by a dialect, and another user's are not",
        arguments: HubStore.allCases)
    func dialectKeys(_ store: HubStore) throws {
        let hub = try TestHub(store: try store.open())
        let desk = DialectDesk(core: hub.hub.core)
        let user = try hub.accounts.user("ada")
        _ = try hub.newKey(user: "eve")
        let eve = try hub.accounts.user("eve")
        let (key, record) = try desk.createKey(for: user, label: "web", encrypted: true)
        #expect(record.encryptionSalt?.count == 32 && record.label == "web")
        #expect(try desk.account(key: key.text).key == record)
        #expect(try desk.keys(of: user).count == 2 && desk.keys(of: eve).count == 1)
        let session = try hub.device("phone", key: key.text)
        try session.catchUp()
        #expect(try !desk.revokeKey(key.prefix, of: eve) && !desk.revokeKey("none", of: user))
        #expect(try desk.revokeKey(key.prefix, of: user))
        #expect(try session.next("error")["code"] as? String == "unauthorized")
        #expect(throws: DialectError.unauthorized) { _ = try desk.account(key: key.text) }
    }
}

@Suite("Passwords", .timeLimit(.minutes(5)))
struct PasswordTests {
    @Test("a password opens the account by name and by email, and no other one does", arguments: HubStore.allCases)
    func login(_ store: HubStore) throws {
        let accounts = Accounts(store: try store.open())
        let ada = try accounts.addUser("ada", email: "ada@example.org")
        let bob = try accounts.addUser("bob")
        #expect(try accounts.login("ada", password: "") == nil)
        try accounts.setPassword("correct horse", of: ada)
        #expect(try accounts.login("ada", password: "correct horse") == ada)
        #expect(try accounts.login("ada@example.org", password: "correct horse") == ada)
        for (name, password) in [
            ("ada", "correct hors"), ("ada", "correct horse "), ("bob", "correct horse"), ("nobody", "correct horse"),
            ("", "correct horse"), ("a\u{0}", "correct horse"),
        ] { #expect(try accounts.login(name, password: password) == nil, "\(name)") }
        let long = String(repeating: "x", count: 1_024)
        try accounts.setPassword(long, of: bob)
        #expect(try accounts.login("bob", password: long) == bob)
        #expect(try accounts.login("bob", password: long + "x") == nil)
        #expect(throws: PasswordError.form) { try accounts.setPassword("short", of: ada) }
        #expect(throws: PasswordError.form) { try accounts.setPassword("correct\0horse", of: ada) }
        #expect(try accounts.login("ada", password: "correct horse\0") == nil)
        try accounts.setPassword(nil, of: ada)
        #expect(try !accounts.hasPassword(ada) && accounts.login("ada", password: "correct horse") == nil)
    }

    @Test("of many logins at once two run, some wait, and the others are told to come later")
    func turns() {
        let turns = PasswordTurns()
        let group = DispatchGroup()
        let gate = DispatchSemaphore(value: 0)
        let begun = DispatchSemaphore(value: 0)
        let counts = Counts()
        for _ in 0..<PasswordTurns.runningMax {
            group.enter()
            Thread {
                _ = turns.perform {
                    begun.signal()
                    gate.wait()
                }
                group.leave()
            }.start()
        }
        for _ in 0..<PasswordTurns.runningMax { begun.wait() }
        // Whoever waits is counted when it comes; those who find no place come back at once.
        let comers = PasswordTurns.waitingMax + 10
        for _ in 0..<comers {
            group.enter()
            Thread {
                if turns.perform({}) == nil { counts.add() }
                group.leave()
            }.start()
        }
        while counts.value < 10 { Thread.sleep(forTimeInterval: 0.001) }
        for _ in 0..<PasswordTurns.runningMax { gate.signal() }
        group.wait()
        #expect(counts.value == 10)
        #expect(turns.perform { true } == true)
    }
}

private final class Counts: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func add() { lock.withLock { count += 1 } }
    var value: Int { lock.withLock { count } }
}
