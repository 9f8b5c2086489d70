import Causality
import Foundation
import Hub
import HubTesting
import Reactor
import SQLiteStore
import Storage
import Testing

/// Loses the answer of every commit for which it is told to: the commit is durable, and nobody knows.
private final class ForgetfulStore: Store {
    private let base = MemoryStore(generation: Generation(42))
    private let isForgetting = Guarded(false)

    var generation: Generation { base.generation }
    var writersMax: Int { base.writersMax }
    var accounts: any AccountStore { base.accounts }

    func forgetNext() {
        isForgetting.withLock { $0 = true }
    }

    func write<Value>(_ body: (any StoreTransaction) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let value = try base.write(body)
        let forgets = isForgetting.withLock { forgets in
            defer { forgets = false }
            return forgets
        }
        if forgets { throw .outcomeUnknown("the answer was lost") }
        return value
    }

    func head(of space: Identifier) throws(StoreError) -> Position { try base.head(of: space) }
    func page(_ query: PageQuery) throws(StoreError) -> LogPage { try base.page(query) }
    func readAll(_ body: (KeptItem) throws -> Void) throws { try base.readAll(body) }
    func fill(_ next: () throws -> KeptItem?) throws { try base.fill(next) }
    var isUnfinished: Bool { get throws(StoreError) { try base.isUnfinished } }
    func renewGeneration() throws(StoreError) { try base.renewGeneration() }
    func record(_ key: RecordKey) throws(StoreError) -> Record? { try base.record(key) }
    func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        try base.scan(query, body)
    }
    func records(_ query: RecordQuery) throws(StoreError) -> RecordPage { try base.records(query) }
    func records(_ names: [RecordName], in space: Identifier) throws(StoreError) -> [Record?] {
        try base.records(names, in: space)
    }
    func manifest(_ query: ManifestQuery) throws(StoreError) -> ManifestPage { try base.manifest(query) }
    func policies() throws(StoreError) -> [Identifier: ConflictPolicy] { try base.policies() }
    func setPolicy(_ policy: ConflictPolicy?, for kind: Identifier) throws(StoreError) {
        try base.setPolicy(policy, for: kind)
    }
    func statistics(of space: Identifier) throws(StoreError) -> SpaceStatistics { try base.statistics(of: space) }
}

@Suite("Trouble in the store", .timeLimit(.minutes(5)))
struct StoreTroubleTests {
    @Test("a commit whose answer was lost is told as what the log holds, to the pusher and to subscribers")
    func lostAnswer() throws {
        let store = ForgetfulStore()
        let hub = try TestHub(store: store)
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        store.forgetNext()
        let items = try laptop.push([change("a", ["l": 1], 1), change("b", ["l": 1], 2)])
        #expect(items.map { $0["verdict"] as? String } == ["duplicate", "duplicate"])
        #expect(try phone.changes(count: 2).map { $0["id"] as? String } == ["a", "b"])
        try laptop.push([change("c", ["l": 1], 3)])
        #expect(try phone.changes(count: 1).map { $0["id"] as? String } == ["c"])
        #expect(phone.gaps.isEmpty && laptop.gaps.isEmpty)
    }

    @Test("a request over REST whose commit's answer was lost finds its own answer, and not a duplicate")
    func lostAnswerOverREST() throws {
        let store = ForgetfulStore()
        let hub = try TestHub(store: store)
        let phone = try hub.device("phone")
        try phone.catchUp()
        let body = #"{"id":"p","changes":[{"kind":"note","id":"a","clock":{"l":1},"body":1}]}"#
        store.forgetNext()
        let first = try hub.request("POST", "/v1/push", body: body, fields: "X-Carillon-Device: laptop\r\n")
        #expect(first.status == 200 && first.body.contains(#""verdict":"accepted""#))
        let second = try hub.request("POST", "/v1/push", body: body, fields: "X-Carillon-Device: laptop\r\n")
        #expect(second.body == first.body)
        #expect(try phone.changes(count: 1)[0]["id"] as? String == "a")
    }

    @Test("a full disk refuses pushes with a code and a delay; what was accepted stays, and reading goes on")
    func fullDisk() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = SQLiteStore.Configuration()
        configuration.pageCountMax = 120
        let store = try SQLiteStore(path: folder.appending(path: "hub.db").path, configuration: configuration)
        let hub = try TestHub(store: store)
        let laptop = try hub.device("laptop")
        try laptop.hello(["live": false])
        let text = String(repeating: "x", count: 8_000)
        var accepted = 0
        var refusal: [String: Any] = [:]
        for index in 0..<200 {
            try laptop.send(["type": "push", "id": "p\(index)", "changes": [change("\(index)", ["l": 1], text)]])
            let answer = try #require(try laptop.nextFrame())
            guard answer["type"] as? String == "pushed" else {
                refusal = answer
                break
            }
            accepted += 1
        }
        #expect(accepted > 10)
        #expect(refusal["code"] as? String == "storage_full")
        #expect(refusal["id"] as? String == "p\(accepted)")
        #expect((refusal["retry_after_ms"] as? Int ?? 0) > 0)
        let page = try hub.request("GET", "/v1/pull?limit=1000")
        #expect(page.body.components(separatedBy: "\"position\"").count - 1 == accepted)
    }

    @Test("a push sent again after a lost answer is a duplicate: no second position, no second broadcast")
    func resentPush() throws {
        let hub = try TestHub()
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        #expect(try laptop.push([change("a", ["l": 1], 1)])[0]["verdict"] as? String == "accepted")
        #expect(try laptop.push([change("a", ["l": 1], 1)])[0]["verdict"] as? String == "duplicate")
        try laptop.push([change("b", ["l": 1], 1)])
        #expect(try phone.changes(count: 2).map { $0["id"] as? String } == ["a", "b"])
    }

    @Test("last-writer-wins and force leave one head on which all devices agree")
    func policies() throws {
        let hub = try TestHub()
        // Set while it runs: the next push is settled by it.
        try hub.store.setPolicy(.lastWriterWins, for: "setting")
        let laptop = try hub.device("laptop")
        let phone = try hub.device("phone")
        try laptop.catchUp()
        try phone.catchUp()
        var early = change("theme", ["l": 1], "dark", kind: "setting")
        early["updated_at"] = 1_000
        var late = change("theme", ["p": 1], "light", kind: "setting")
        late["updated_at"] = 2_000
        try phone.push([late])
        let lost = try laptop.push([early])[0]
        #expect(lost["verdict"] as? String == "stale")
        let stored = try #require(lost["stored"] as? [String: Any])
        #expect(stored["body"] as? String == "light")
        #expect((stored["clock"] as? [String: Int]) == ["l": 1, "p": 1])
        #expect((try phone.changes(count: 1)[0]["clock"] as? [String: Int]) == ["l": 1, "p": 1])
        try laptop.push([change("a", ["l": 1], "one")])
        let forced = try phone.push([change("a", ["p": 1], "two")], id: "f", ["force": true])[0]
        #expect(forced["verdict"] as? String == "accepted")
        #expect((forced["clock"] as? [String: Int]) == ["l": 1, "p": 1])
    }
}
