import Causality
import ContextFSDialect
import Foundation
import Hub
import HubTesting
import Storage
import Testing

@Suite("ContextFS accounts")
struct ContextFSAccountTests {
    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("a device past the tier's limit is told so in the contract's words", arguments: HubStore.allCases)
    func deviceLimit(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        var user = try #require(try hub.hub.store.accounts.user(named: "ada"))
        user.tier = Tier(name: "free", deviceLimit: 2, recordLimit: 3)
        try hub.hub.store.accounts.update(user)
        for name in ["a", "b"] { try hub.peer(name).push() }
        let sentence = "{\"detail\":\"Device limit reached (2/2). Upgrade from free tier to add more devices.\"}"
        for path in ["push", "pull", "diff"] {
            let answer = try hub.peer("c").raw("/api/sync/\(path)", "{\"device_id\":\"c\"}")
            #expect(answer.status == 403 && answer.body == sentence)
        }
        let register =
            "{\"device_id\":\"c\",\"device_name\":\"n\",\"platform\":\"linux\",\"client_version\":\"1\"}"
        #expect(try hub.peer("c").raw("/api/sync/register", register).body == sentence)
        #expect(try hub.hub.request("DELETE", "/api/devices/b").status == 200)
        #expect(try hub.peer("c").raw("/api/sync/register", register).status == 200)
        // The tier's memories are counted too, item by item.
        let a = hub.peer("a")
        let answer = try a.push((0..<5).map { a.memory("m\($0)", "c") })
        #expect(answer.number("accepted") == 3 && answer.number("rejected") == 2)
        #expect(answer.list("rejected_items").allSatisfy { $0.text("reason").contains("free") })
        let tier = try json(try hub.hub.request("GET", "/api/billing/subscription").body)
        #expect(tier.text("tier") == "free" && tier.number("device_limit") == 2 && tier.number("memory_limit") == 3)
    }

    @Test("an answer with a fresh key is never compressed, as others are where that is asked for")
    func secretsAreNotCompressed() throws {
        let hub = try TestHub {
            $0.dialects = [MountedDialect(ContextFSDialect())]
            $0.compression.answerBytesMin = 1
        }
        let gzip = "Accept-Encoding: gzip\r\n"
        let listed = try hub.request("GET", "/api/auth/api-keys", fields: gzip + "Connection: close\r\n").head
        #expect(listed.contains("Content-Encoding: gzip"))
        let body = "{\"name\":\"cli\",\"with_encryption\":true}"
        let made = try hub.request("POST", "/api/auth/api-keys", body: body, fields: gzip)
        #expect(!made.head.contains("Content-Encoding"))
        let key = try json(made.body).text("api_key")
        let salt = try hub.request("GET", "/api/auth/encryption-salt", key: key, fields: gzip)
        #expect(!salt.head.contains("Content-Encoding") && salt.body.contains("\"salt\""))
        let user = try #require(try hub.store.accounts.user(named: "ada"))
        try hub.accounts.setPassword("a long password", of: user)
        let login = "{\"email\":\"ada\",\"password\":\"a long password\"}"
        let answer = try hub.request("POST", "/api/auth/login", body: login, fields: gzip)
        #expect(answer.status == 200 && !answer.head.contains("Content-Encoding"))
    }

    @Test("keys are made, listed and revoked, and a salt turns encryption on", arguments: HubStore.allCases)
    func keys(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        let made = try json(
            try hub.hub.request(
                "POST", "/api/auth/api-keys", body: "{\"name\":\"cli\",\"with_encryption\":true}"
            ).body)
        let key = made.text("api_key")
        let salt = try json(try hub.hub.request("GET", "/api/auth/encryption-salt", key: key).body).text("salt")
        #expect(salt == made.text("encryption_salt") && salt.count == 44)
        #expect(try hub.hub.request("GET", "/api/auth/encryption-salt").status == 404)
        let listed = try json(try hub.hub.request("GET", "/api/auth/api-keys").body).list("keys")
        #expect(listed.map { $0.text("name") } == ["test", "cli"])
        #expect(listed.allSatisfy { $0.flag("is_active") && !$0.text("key_prefix").isEmpty })
        // Nobody else's key can be revoked.
        let stranger = try hub.user("stranger")
        let body = "{\"key_id\":\"\(made.text("id"))\"}"
        #expect(try hub.hub.request("POST", "/api/auth/api-keys/revoke", body: body, key: stranger).status == 404)
        #expect(try hub.hub.request("GET", "/api/devices", key: key).status == 200)
        #expect(try hub.hub.request("POST", "/api/auth/api-keys/revoke", body: body).status == 200)
        #expect(try hub.hub.request("GET", "/api/devices", key: key).status == 401)
    }

    @Test("a password opens a login, a wrong one none", arguments: [HubStore.sqlite])
    func login(_ store: HubStore) throws {
        let hub = try ContextFSHub(store)
        var user = try #require(try hub.hub.store.accounts.user(named: "ada"))
        user.email = "ada@example.org"
        try hub.hub.store.accounts.update(user)
        try hub.hub.accounts.setPassword("correct horse battery", of: user)
        func login(_ password: String) throws -> (status: Int, head: String, body: String) {
            try TestHub.request(
                hub.hub.port, "", "POST", "/api/auth/login",
                body: "{\"email\":\"ada@example.org\",\"password\":\"\(password)\",\"session_type\":\"CLI Session\"}")
        }
        #expect(try login("wrong password").status == 401)
        let answer = try json(try login("correct horse battery").body)
        #expect((answer["user"] as? [String: Any])?.text("email") == "ada@example.org")
        #expect(answer["encryptionKey"] is NSNull)
        #expect(try hub.hub.request("GET", "/api/devices", key: answer.text("apiKey")).status == 200)
    }
}
