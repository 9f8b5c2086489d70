import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import Storage
import Testing

/// A user's records as teammates see and write them, and the spaces of teams.
@Suite("Shared records", .timeLimit(.minutes(5)))
struct SharingTests {
    /// Ada and Bob are in the team `crew`; Eve is in none.
    private struct Crew {
        let hub: TestHub
        let store: any Store
        let ada: Identifier
        let bob: Identifier
        let (adaKey, bobKey, eveKey): (String, String, String)
        let team = Team(id: "t_1", name: "crew")

        init(
            _ store: any Store = MemoryStore(generation: Generation(42)), bus: (any Bus)? = nil,
            configure: (inout HubConfiguration) -> Void = { _ in }
        ) throws {
            self.store = store
            hub = try TestHub(store: store, bus: bus, configure: configure)
            (adaKey, bobKey, eveKey) = (hub.key, try hub.newKey(user: "bob"), try hub.newKey(user: "eve"))
            ada = try #require(try store.accounts.user(named: "ada")).id
            bob = try #require(try store.accounts.user(named: "bob")).id
            try store.accounts.add(team)
            for user in [ada, bob] {
                try store.accounts.setMember(Membership(teamID: team.id, userID: user, role: .member))
            }
        }

        /// Of Ada's own space.
        func bobsDevice(_ name: String = "bobs", of hub: TestHub? = nil) throws -> TestDevice {
            let device = try (hub ?? self.hub).device(name, key: bobKey)
            try device.catchUp(["space": "user:ada"])
            return device
        }
    }

    private func note(
        _ id: String, _ clock: [String: Int], _ body: Any, _ visibility: String? = nil
    ) -> [String: Any] {
        var item = change(id, clock, body)
        if let visibility { item["visibility"] = visibility }
        return item
    }

    private func ids(_ changes: [[String: Any]]) -> [String] { changes.compactMap { $0["id"] as? String } }

    @Test("a teammate's socket hears what is shared, and of what is private nothing", arguments: HubStore.allCases)
    func hearing(_ kind: HubStore) throws {
        let crew = try Crew(try kind.open())
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        try ada.push([note("before", ["a": 1], 1, "team_read"), note("hidden", ["a": 1], 1)])
        let bob = try crew.bobsDevice()
        #expect(bob.welcome["space"] as? String == "user:ada")
        let early = try crew.hub.request("GET", "/v1/pull?space=user:ada", key: crew.bobKey)
        #expect(early.status == 200 && early.body.contains("before") && !early.body.contains("hidden"))
        try ada.push([note("private", ["a": 1], "secret"), note("read", ["a": 1], 2, "team_read")])
        try ada.push([note("private", ["a": 2], "secret")])
        try ada.push([note("write", ["a": 1], 3, "team_write")])
        let heard = try bob.changes(count: 2)
        #expect(ids(heard) == ["read", "write"])
        #expect(heard.map { $0["visibility"] as? String } == ["team_read", "team_write"])
        #expect(bob.gaps.isEmpty)
        // Everything that reads says the same.
        for target in ["records", "pull", "changes?wait=0"] {
            let query = target.contains("?") ? "&" : "?"
            let answer = try crew.hub.request("GET", "/v1/\(target)\(query)space=user:ada", key: crew.bobKey)
            #expect(answer.status == 200 && !answer.body.contains("private") && answer.body.contains("write"))
        }
        let export = try StreamPeer(port: crew.hub.port, "/v1/export?space=user:ada", key: crew.bobKey)
        let lines = String(decoding: try export.readToEnd(), as: UTF8.self)
        #expect(lines.contains("write") && lines.contains("\"count\":3") && !lines.contains("private"))
        let (hidden, shown) = (
            try crew.hub.request("GET", "/v1/records/note/private?space=user:ada", key: crew.bobKey),
            try crew.hub.request("GET", "/v1/records/note/read?space=user:ada", key: crew.bobKey)
        )
        let none = try crew.hub.request("GET", "/v1/records/note/nothing?space=user:ada", key: crew.bobKey)
        #expect(hidden.status == 404 && none.status == 404 && shown.status == 200)
        #expect(hidden.body.replacingOccurrences(of: "note/private", with: "note/nothing") == none.body)
        let diff = try crew.hub.request(
            "POST", "/v1/diff?space=user:ada", body: #"{"records":[],"is_last":true}"#, key: crew.bobKey)
        #expect(diff.body.contains("write") && !diff.body.contains("private"))
        let status = try crew.hub.request("GET", "/v1/status?space=user:ada", key: crew.bobKey)
        let ofSpace = try #require(status.body.split(separator: #""space":{"#).last?.split(separator: "}").first)
        #expect(status.status == 200 && ofSpace.contains("head") && !ofSpace.contains(#""records":"#))
        // Her own session is told all, in the old frames.
        let own = try crew.hub.request("GET", "/v1/pull")
        #expect(own.body.contains("private") && own.body.contains("hidden"))
    }

    @Test("what is no more shared is told as a deletion without content", arguments: HubStore.allCases)
    func unsharing(_ kind: HubStore) throws {
        let crew = try Crew(try kind.open())
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        let bob = try crew.bobsDevice()
        try ada.push([note("n", ["a": 1], "shown", "team_write")])
        #expect(ids(try bob.changes(count: 1)) == ["n"])
        try ada.push([note("n", ["a": 2], "secret", "private")])
        let told = try bob.changes(count: 1)[0]
        #expect(told["id"] as? String == "n" && told["deleted"] as? Bool == true && told["body"] == nil)
        #expect(told["visibility"] == nil && told["updated_at"] as? Int == 0)
        // What follows is told as no more than that, also to whoever comes later.
        try ada.push([note("n", ["a": 3], "secret")])
        #expect(try bob.changes(count: 1)[0]["deleted"] as? Bool == true)
        let late = try crew.hub.request("GET", "/v1/pull?space=user:ada", key: crew.bobKey)
        #expect(late.body.contains(#""deleted":true"#) && !late.body.contains("secret"))
        let refused = try bob.push([note("n", ["b": 1], 1)])
        #expect(refused[0]["verdict"] as? String == "rejected" && refused[0]["error"] as? String == "forbidden")
        #expect(refused[0]["stored"] == nil)
        try ada.push([note("n", ["a": 4], "again", "team_read")])
        #expect(try bob.changes(count: 1)[0]["body"] as? String == "again")
    }

    @Test("a teammate writes what the team writes, and its owner's devices hear it at once")
    func writing() throws {
        let crew = try Crew()
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        try ada.push([
            note("read", ["a": 1], 1, "team_read"), note("write", ["a": 1], 1, "team_write"), note("own", ["a": 1], 1),
        ])
        let bob = try crew.bobsDevice("adas")
        let items = try bob.push([
            note("read", ["a": 1, "b": 1], 2), note("write", ["a": 1, "b": 1], 2, "private"),
            note("own", ["a": 1, "b": 1], 2), note("new", ["b": 1], 2),
        ])
        #expect(items.map { $0["error"] as? String } == ["forbidden", nil, "forbidden", "forbidden"])
        #expect(items.map { $0["verdict"] as? String }[1] == "accepted")
        // The two devices have one name, and are two: hers hears of it, his does not.
        let heard = try ada.changes(count: 1)[0]
        #expect(heard["id"] as? String == "write" && heard["author"] as? String == "\(crew.bob)/adas")
        #expect(heard["visibility"] as? String == "team_write")
        try ada.push([note("write", ["a": 2, "b": 1], 3)])
        #expect(try bob.changes(count: 1)[0]["body"] as? Int == 3)
        #expect(ada.gaps.isEmpty && bob.gaps.isEmpty)
    }

    @Test("a stranger gets nothing, and the same answer as where there is nothing")
    func strangers() throws {
        let crew = try Crew()
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        try ada.push([note("n", ["a": 1], 1, "team_write")])
        let body = #"{"changes":[{"kind":"note","id":"n","clock":{"e":1},"body":1}]}"#
        for space in ["user:ada", "user:nobody", "team:crew", "team:none", crew.ada.text, "t_1", "other:x"] {
            for target in ["pull", "export", "records", "records/note/n", "conflicts", "status", "changes"] {
                let answer = try crew.hub.request("GET", "/v1/\(target)?space=\(space)", key: crew.eveKey)
                #expect(answer.status == 404 && answer.body.contains("there is no such space"), "\(target) \(space)")
            }
            let pushed = try crew.hub.request(
                "POST", "/v1/push?space=\(space)", body: body, key: crew.eveKey, fields: "X-Carillon-Device: e\r\n")
            #expect(pushed.status == 404)
            let device = try crew.hub.device("e", key: crew.eveKey)
            try device.send(["type": "hello", "protocol": 1, "device": "e", "space": space])
            let error = try device.next("error")
            #expect(error["code"] as? String == "forbidden" && error["fatal"] as? Bool == true)
            #expect((error["message"] as? String)?.hasPrefix("there is no such space") == true)
        }
    }

    @Test("a team's space is its members', on two hubs", arguments: [true, false])
    func teams(carriesPayloads: Bool) throws {
        let board = Switchboard(carriesPayloads: carriesPayloads)
        let crew = try Crew(bus: board.port())
        let other = try TestHub(store: crew.store, bus: board.port(), key: crew.adaKey)
        let ada = try crew.hub.device("laptop")
        try ada.catchUp(["space": "team:crew"])
        // The same device in its own space has a seat of its own.
        let own = try crew.hub.device("laptop")
        try own.catchUp()
        let bob = try other.device("laptop", key: crew.bobKey)
        try bob.catchUp(["space": "team:crew"])
        try ada.push([note("plan", ["a": 1], 1), note("diary", ["a": 1], 1, "private")])
        let heard = try bob.changes(count: 1)
        #expect(ids(heard) == ["plan"] && heard[0]["owner"] as? String == crew.ada.text)
        #expect(heard[0]["visibility"] as? String == "team_write")
        let items = try bob.push([note("plan", ["a": 1, "b": 1], 2), note("bobs", ["b": 1], 1)])
        #expect(items.allSatisfy { $0["verdict"] as? String == "accepted" })
        #expect(ids(try ada.changes(count: 2)) == ["plan", "bobs"])
        let mine = try crew.hub.request("GET", "/v1/pull?space=team:crew")
        #expect(mine.body.contains("diary"))
        #expect(try !crew.hub.request("GET", "/v1/pull").body.contains("plan"))
        try own.push([note("alone", ["a": 1], 1)])
        try ada.push([note("last", ["a": 1], 1)])
        #expect(ids(try bob.changes(count: 1)) == ["last"])
        #expect(ada.gaps.isEmpty && bob.gaps.isEmpty)
        other.stop()
    }

    @Test("who leaves a team has nothing open in what they saw by it, on any hub")
    func leaving() throws {
        let board = Switchboard()
        let crew = try Crew(bus: board.port())
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        let guest = try crew.bobsDevice()
        let member = try crew.hub.device("team", key: crew.bobKey)
        try member.catchUp(["space": "team:crew"])
        let own = try crew.hub.device("own", key: crew.bobKey)
        try own.catchUp()
        let adaAtBobs = try crew.hub.device("adas2")
        try adaAtBobs.catchUp(["space": "user:bob"])
        #expect(try crew.store.accounts.removeMember(crew.bob, from: crew.team.id))
        board.port().post(BusMessage(line: "00000000000000ff revoked"))
        for device in [guest, member, adaAtBobs] {
            let error = try device.next("error")
            #expect(error["code"] as? String == "forbidden")
        }
        try ada.push([note("n", ["a": 1], 1, "team_read")])
        try own.push([note("m", ["b": 1], 1)])
        #expect(try crew.hub.request("GET", "/v1/pull?space=user:ada", key: crew.bobKey).status == 404)
    }

    @Test("who has left a team writes nothing more, also before the hub has heard of it", arguments: HubStore.allCases)
    func staleStanding(_ kind: HubStore) throws {
        let crew = try Crew(try kind.open()) { $0.limits.revocationSeconds = 3_600 }
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        try ada.push([note("open", ["a": 1], 1, "team_write")])
        let guest = try crew.bobsDevice()
        let member = try crew.hub.device("team", key: crew.bobKey)
        try member.catchUp(["space": "team:crew"])
        #expect(try guest.push([note("open", ["a": 1, "b": 1], 2)])[0]["verdict"] as? String == "accepted")
        #expect(try crew.store.accounts.removeMember(crew.bob, from: crew.team.id))
        for device in [guest, member] {
            let items = try device.push([note("open", ["a": 1, "b": 2], 3), note("new", ["b": 1], 1)], id: "late")
            #expect(items.map { $0["error"] as? String } == ["forbidden", "forbidden"])
            #expect(items.allSatisfy { $0["stored"] == nil })
        }
        let record = try crew.store.record(RecordKey(space: crew.ada, kind: "note", id: "open"))
        #expect(record?.head.change.body.elementsEqual("2".utf8) == true)
        #expect(try crew.store.page(PageQuery(space: crew.team.space, after: .start)).entries.isEmpty)
    }

    @Test("what a viewer is told, live and by catching up, is the log as it is filtered for them")
    func told() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Numbers(state: seed)
        let crew = try Crew()
        let ada = try crew.hub.device("adas")
        try ada.catchUp()
        var bob = try crew.bobsDevice("b0")
        var heard: [String: [String: Any]] = [:]
        func take(_ changes: [[String: Any]]) {
            for change in changes { heard[change["id"] as? String ?? ""] = change }
        }
        func follow(_ device: TestDevice, until id: String) throws {
            while heard[id] == nil, let frame = try device.nextFrame() {
                take(frame["changes"] as? [[String: Any]] ?? [])
            }
        }
        let visibilities: [String?] = ["private", "team_read", "team_write", nil]
        for round in 1...60 {
            let count = Int.random(in: 1...3, using: &random)
            let names = ["1", "2", "3", "4", "5", "6"].shuffled(using: &random).prefix(count)
            try ada.push(
                names.map { name in
                    var item = note(name, ["a": round], "\(round)", visibilities.randomElement(using: &random) ?? nil)
                    if Int.random(in: 0..<6, using: &random) == 0 { item["deleted"] = true }
                    return item
                })
            if round.isMultiple(of: 15) {
                // Another session goes on where this one stood.
                try ada.push([note("end\(round)", ["a": 1], 1, "team_read")])
                try follow(bob, until: "end\(round)")
                let cursor = bob.cursor
                try ada.push([
                    note("1", ["a": round + 1_000 * round], "x", visibilities.randomElement(using: &random) ?? nil)
                ])
                bob = try crew.hub.device("b\(round)", key: crew.bobKey)
                take(try bob.catchUp(["space": "user:ada", "cursor": cursor ?? ""]))
            }
        }
        try ada.push([note("end", ["a": 1], 1, "team_read")])
        try follow(bob, until: "end")
        let viewer = Viewer(user: crew.bob, standing: .guest)
        let log = viewer.shown(try crew.store.page(PageQuery(space: crew.ada, after: .start)).entries)
        #expect(heard.count == log.count, "seed \(seed)")
        for entry in log {
            let told = heard[entry.change.id.text]
            #expect(told?["hash"] as? String == entry.change.hash.text, "seed \(seed)")
            #expect(told?["deleted"] as? Bool ?? false == entry.change.isDeleted, "seed \(seed)")
            #expect(told?["position"] as? Int64 == entry.position.microseconds, "seed \(seed)")
        }
        #expect(bob.gaps.isEmpty)
    }
}

/// SplitMix64: the same numbers for the same seed.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
