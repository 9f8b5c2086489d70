import Foundation
import Testing

/// Users, tiers, teams and devices by the program.
@Suite("Accounts", .serialized, .timeLimit(.minutes(5)))
struct AccountTests {
    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    /// With a line on standard input.
    private func done(_ rig: AdminRig, _ words: String, input: String, exit: Int32 = 0) throws -> Program {
        let line = "printf '%s\\n' '\(input)' | '\(Program.path)' \(words) --data '\(rig.path("data"))'"
        let program = try Program(["-c", line], environment: ["CARILLON_STORE": ""], executable: "/bin/sh")
        #expect(program.exitStatus() == exit, "\(words): \(program.errorText)")
        return program
    }

    @Test("a user has a tier, an email and a password, and is shown with them")
    func users() throws {
        let rig = try AdminRig()
        let data = ["--data", rig.path("data")]
        try rig.done(["user", "add", "ada"] + data)
        _ = try done(rig, "user add bob --email bob@example.org --tier free --password-stdin", input: "correct horse")
        try rig.done(["user", "set", "ada", "--tier", "house", "--device-limit", "3", "--record-limit", "any"] + data)
        let list = try objects(try rig.done(["user", "list", "--json"] + data).text)
        #expect(list.map { $0["name"] as? String } == ["ada", "bob"])
        #expect(list.map { $0["tier"] as? String } == ["house", "free"])
        #expect(list.map { $0["device_limit"] as? Int } == [3, 2])
        #expect(list.map { $0["record_limit"] as? Int } == [-1, 5_000])
        #expect(list[1]["email"] as? String == "bob@example.org" && list[0]["email"] == nil)
        let text = try rig.done(["user", "list"] + data).text
        #expect(text.contains("3 devices, any number of records") && text.contains("bob@example.org"))
        let bob = try objects(try rig.done(["user", "show", "bob", "--json"] + data).text)[0]
        #expect(bob["has_password"] as? Bool == true && bob["devices"] as? Int == 0 && bob["records"] as? Int == 0)
        #expect(try rig.done(["user", "show", "bob"] + data).text.contains("records   0 of 5000"))
        try rig.done(["user", "set", "bob", "--no-password", "--email", "", "--tier", "unlimited"] + data)
        let shown = try rig.done(["user", "show", "bob"] + data).text
        #expect(shown.contains("password  none") && shown.contains("email     none"))
        #expect(shown.contains("tier      unlimited"))
        // What is no good is told before anything is done.
        let short = try done(rig, "user set ada --password-stdin", input: "short", exit: 65)
        #expect(short.errorText.contains("8 to 1024 bytes"))
        let tier = try rig.done(["user", "add", "eve", "--tier", "gold"] + data, exit: 64)
        #expect(tier.errorText.contains("--device-limit"))
        try rig.done(["user", "add", "eve", "--email", "nobody"] + data, exit: 64)
        try rig.done(["user", "add", "eve", "--device-limit", "few"] + data, exit: 64)
        try rig.done(["user", "set", "ada", "--email", "ada@example.org"] + data)
        let taken = try rig.done(["user", "set", "bob", "--email", "ada@example.org"] + data, exit: 1)
        #expect(taken.errorText.contains("ada@example.org"))
        let nobody = try rig.done(["user", "show", "eve"] + data, exit: 1)
        #expect(nobody.errorText.contains("carillon user list"))
        #expect(try rig.done(["user", "add", "--help"]).text.contains("free"))
    }

    @Test("a team is joined and left, and an export and import keep it all")
    func teams() throws {
        let rig = try AdminRig()
        let data = ["--data", rig.path("data")]
        for user in ["ada", "bob"] { try rig.done(["user", "add", user] + data) }
        _ = try done(rig, "user set ada --tier pro --email a@b --password-stdin", input: "correct horse")
        try rig.done(["team", "add", "bells"] + data)
        #expect(try rig.done(["team", "add", "ada"] + data, exit: 1).errorText.contains("already"))
        try rig.done(["team", "join", "bells", "ada", "--role", "owner"] + data)
        try rig.done(["team", "join", "bells", "bob"] + data)
        try rig.done(["team", "join", "bells", "bob", "--role", "king"] + data, exit: 64)
        #expect(try rig.done(["team", "join", "bells", "eve"] + data, exit: 1).errorText.contains("eve"))
        #expect(try rig.done(["team", "list"] + data).text == "bells\n")
        #expect(try rig.done(["team", "members", "bells"] + data).text == "ada  owner\nbob  member\n")
        try rig.done(["team", "leave", "bells", "bob"] + data)
        #expect(try rig.done(["team", "leave", "bells", "bob"] + data, exit: 1).errorText.contains("not in"))
        let key = try rig.done(["key", "create", "ada", "--label", "web", "--encrypted"] + data)
        #expect(key.text.hasPrefix("car_"))
        #expect(try rig.done(["key", "list", "ada"] + data).text.contains("encrypts"))
        try rig.done(["admin", "export", rig.path("all.ndjson")] + data)
        #expect(try rig.text("all.ndjson").contains("\"encryption_salt\""))
        let other = ["--data", rig.path("other")]
        try rig.done(["admin", "import", rig.path("all.ndjson")] + other)
        let members = try objects(try rig.done(["team", "members", "bells", "--json"] + other).text)
        #expect(members.map { $0["user"] as? String } == ["ada"] && members[0]["role"] as? String == "owner")
        let ada = try objects(try rig.done(["user", "show", "ada", "--json"] + other).text)[0]
        #expect(
            ada["tier"] as? String == "pro" && ada["email"] as? String == "a@b"
                && ada["teams"] as? [String] == ["bells"])
        #expect(ada["has_password"] as? Bool == true && ada["keys"] as? Int == 1)
    }

    @Test("devices of a user are managed without a hub, within the tier's limit")
    func devices() throws {
        let rig = try AdminRig()
        let store = ["--user", "ada", "--data", rig.path("data")]
        try rig.done(["user", "add", "ada", "--tier", "free", "--data", rig.path("data")])
        try rig.done(["device", "register", "laptop", "--platform", "linux"] + store)
        try rig.done(["device", "register", "phone"] + store)
        let third = try rig.done(["device", "register", "tablet"] + store, exit: 1)
        #expect(third.errorText.contains("free") && third.errorText.contains("carillon device remove"))
        try rig.done(["device", "register", "laptop"] + store)
        let listed = try objects(try rig.done(["device", "list", "--json"] + store).text)
        #expect(Set(listed.compactMap { $0["id"] as? String }) == ["laptop", "phone"])
        try rig.done(["device", "remove", "phone"] + store)
        #expect(try rig.done(["device", "remove", "phone"] + store, exit: 1).errorText.contains("no device phone"))
        #expect(try rig.done(["device", "list"] + store).text.contains("laptop"))
        try rig.done(["device", "list", "--user", "eve", "--data", rig.path("data")], exit: 1)
    }
}
