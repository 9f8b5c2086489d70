import Causality
import Foundation
import HubTesting
import Reactor
import Storage
import Testing

@testable import ClaudeMemoryDialect

/// Several clients at once, and answers that get lost.
@Suite("claude-memory, many at once")
struct ClaudeMemoryRaceTests {
    @Test("none of 300 stores by 8 threads is invisible to an incremental puller", arguments: HubStore.allCases)
    func nothingIsInvisible(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let (port, key) = (hub.port, hub.key)
        let added = Guarded<Set<Int64>>([])
        let isDone = Guarded(false)
        let seen = Guarded<[Int64: Int]>([:])
        let pulled = DispatchGroup()
        DispatchQueue(label: "puller").async(group: pulled) {
            var since = "0"
            var isLast = false
            while !isLast {
                isLast = isDone.withLock { $0 }
                guard let page = try? TestHub.rows(port, key, since: since) else {
                    Issue.record("a pull failed")
                    return
                }
                since = page.serverTime
                for row in page.rows {
                    if let id = row["id"] as? Int64 { seen.withLock { $0[id, default: 0] += 1 } }
                }
            }
        }
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in stride(from: thread, to: 300, by: 8) {
                let answer = try? TestHub.request(
                    port, key, "POST", "/api/memories", body: #"{"content":"memory \#(number)"}"#)
                let object = answer.flatMap { try? JSONSerialization.jsonObject(with: Data($0.body.utf8)) }
                guard let id = (object as? [String: Any])?["id"] as? Int64 else {
                    Issue.record("a POST failed: \(answer?.body ?? "no answer")")
                    continue
                }
                added.withLock { _ = $0.insert(id) }
            }
        }
        isDone.withLock { $0 = true }
        #expect(pulled.wait(timeout: .now() + 60) == .success)
        #expect(added.withLock(\.count) == 300)
        #expect(Set(seen.withLock(\.keys)) == added.withLock { $0 })
        #expect(seen.withLock { $0.values.allSatisfy { $0 == 1 } })
    }

    @Test("one content that 8 threads store at once is one row", arguments: HubStore.allCases)
    func oneContentIsOneRow(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let (port, key) = (hub.port, hub.key)
        for round in 0..<5 {
            let answers = Guarded<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                // Two spellings of one key's devices: each has its own clock.
                let answer = try? TestHub.request(
                    port, key, "POST", "/api/memories", body: #"{"content":"round \#(round)","tags":"\#(thread)"}"#,
                    fields: "X-Device-Id: device-\(thread % 4)\r\n")
                answers.withLock { $0.append(answer?.body ?? "") }
            }
            #expect(answers.withLock { Set($0).count } == 1, "\(answers.withLock { $0 })")
        }
        let (rows, _) = try hub.rows(since: "0")
        #expect(rows.count == 5)
        let page = try hub.store.page(.init(space: hub.space(), after: .start))
        #expect(page.entries.count == 5)
        #expect(page.entries.filter(\.isSibling).isEmpty)
    }

    @Test("edits of different fields at once are all kept", arguments: HubStore.allCases)
    func editsAreKept(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let (port, key) = (hub.port, hub.key)
        let id = try hub.add(#"{"content":"shared"}"#)
        let edits = [
            #"{"content":"edited"}"#, #"{"category":"c"}"#, #"{"tags":"t"}"#, #"{"expanded_keywords":"k"}"#,
            #"{"importance":0.125}"#, #"{"category":"c"}"#, #"{"tags":"t"}"#, #"{"importance":0.125}"#,
        ]
        DispatchQueue.concurrentPerform(iterations: edits.count) { index in
            let answer = try? TestHub.request(
                port, key, "PUT", "/api/memories/\(id)", body: edits[index],
                fields: index % 2 == 0 ? "X-Device-Id: other\r\n" : "")
            #expect(answer?.status == 200)
        }
        let row = try #require(try hub.rows().rows.first)
        #expect(row["content"] as? String == "edited")
        #expect(row["category"] as? String == "c")
        #expect(row["tags"] as? String == "t")
        #expect(row["expanded_keywords"] as? String == "k")
        #expect(row["importance"] as? Double == 0.125)
        #expect(try hub.add(#"{"content":"edited"}"#) == id)
        let page = try hub.store.page(.init(space: hub.space(), after: .start))
        #expect(page.entries.filter(\.isSibling).isEmpty)
    }

    @Test("what is sent again changes nothing", arguments: HubStore.allCases)
    func repeatsAreHarmless(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        let id = try hub.add(#"{"content":"once"}"#)
        let afterPost = try hub.rows().serverTime
        #expect(try hub.add(#"{"content":"once","tags":"late"}"#) == id)
        #expect(try hub.rows().serverTime == afterPost)
        let edit = #"{"content":"twice","tags":"t"}"#
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: edit).status == 200)
        let afterPut = try hub.rows().serverTime
        #expect(try hub.request("PUT", "/api/memories/\(id)", body: edit).status == 200)
        #expect(try hub.rows().serverTime == afterPut)
        // The POST whose answer was lost, and which comes after the edit: its content is no row's any more.
        let copy = try hub.add(#"{"content":"once"}"#)
        #expect(copy != id)
        #expect(try hub.add(#"{"content":"once"}"#) == copy)
        #expect(try hub.request("DELETE", "/api/memories/\(id)").status == 200)
        let afterDelete = try hub.rows().serverTime
        #expect(try hub.request("DELETE", "/api/memories/\(id)").status == 200)
        #expect(try hub.rows().serverTime == afterDelete)
    }

    @Test("an id is never given twice, however often a content comes and goes", arguments: HubStore.allCases)
    func idsAreStable(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        var ids: Set<Int64> = []
        for _ in 0..<20 {
            let id = try hub.add(#"{"content":"again"}"#)
            #expect(ids.insert(id).inserted)
            #expect(try hub.add(#"{"content":"again"}"#) == id)
            #expect(try hub.request("DELETE", "/api/memories/\(id)").status == 200)
        }
        #expect(try hub.rows().rows.isEmpty)
        #expect(try hub.rows(since: "0").rows.count == 20)
    }

    @Test("a row is found by what it says now, whichever way it came to say it", arguments: HubStore.allCases)
    func rowsAreFoundByTheirContent(store: HubStore) throws {
        let hub = try ClaudeMemoryTests.hub(store.open())
        func edit(_ id: Int64, _ content: String) throws {
            #expect(
                try hub.request("PUT", "/api/memories/\(id)", body: #"{"content":"\#(content)"}"#).status == 200)
        }
        let first = try hub.add(#"{"content":"a"}"#)
        try edit(first, "b")
        #expect(try hub.add(#"{"content":"b"}"#) == first)
        try edit(first, "c")
        #expect(try hub.add(#"{"content":"c"}"#) == first)
        let second = try hub.add(#"{"content":"b"}"#)
        #expect(second != first)
        try edit(first, "a")
        #expect(try hub.add(#"{"content":"a"}"#) == first)
        // Equal to Swift, and not the same bytes.
        let composed = try hub.add(#"{"content":"caf\u00e9"}"#)
        #expect(try hub.add(#"{"content":"cafe\u0301"}"#) != composed)
    }
}
