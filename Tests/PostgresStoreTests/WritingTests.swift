import Causality
import Foundation
import Storage
import Testing

@testable import PostgresStore

/// Stores on one Postgres, as hubs open them.
@Suite("Writing by several", .enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct WritingTests {
    private func change(_ id: String, _ replica: Identifier, _ counter: Int64 = 1) -> Change {
        Change(
            kind: "note", id: Identifier(unchecked: id),
            clock: VectorClock([.init(replica: replica, counter: counter)]),
            hash: replica, body: Array("{\"by\":\"\(replica)\"}".utf8)[...])
    }

    private func push(_ changes: [Change], _ replica: Identifier, in space: Identifier = "s") -> Submission {
        Submission(space: space, author: replica, replica: replica, changes: changes)
    }

    private func open(_ count: Int, name: String = "carillon") throws -> (stores: [PostgresStore], conninfo: String) {
        let conninfo = try TestPostgres.freshSchema() + "&application_name=\(name)"
        return (try (0..<count).map { _ in try PostgresStore(conninfo: conninfo) }, conninfo)
    }

    /// Runs `body` for 0 and 1 at the same moment.
    private func both(_ body: @escaping @Sendable (Int) throws -> Void) {
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            do { try body(index) } catch { Issue.record(error) }
        }
    }

    @Test("on one record at one moment: one accepted, one conflict, a thousand times")
    func racesOnARecord() throws {
        let stores = try open(2).stores
        let replicas: [Identifier] = ["a", "b"]
        let first = change("r", "z")
        _ = try Journal(store: stores[0]).commit([push([first], "z")], now: .start)
        let verdicts = Guarded<[[Verdict]]>(Array(repeating: [], count: 1_000))
        both { index in
            let journal = Journal(store: stores[index])
            for round in 0..<1_000 {
                let id = "r\(round % 7)-\(round)"
                let result = try journal.commit(
                    [push([change(id, replicas[index])], replicas[index])], now: .start
                ).results[0][0]
                guard case .verdict(let verdict, _) = result.decision else { continue }
                verdicts.withLock { $0[round].append(verdict) }
            }
        }
        let seen = verdicts.withLock { $0 }
        #expect(seen.allSatisfy { $0.count == 2 && $0.contains(.accepted) && $0.contains(.conflict) })
        // Edits of what is there: the same.
        let edits = Guarded<[[Verdict]]>(Array(repeating: [], count: 1_000))
        both { index in
            let journal = Journal(store: stores[index])
            for round in 0..<1_000 {
                var edit = change("r\(round % 7)-\(round)", replicas[index], 2)
                edit.hash = Identifier(unchecked: "\(replicas[index])2")
                edit.clock = VectorClock(
                    [.init(replica: "a", counter: 1), .init(replica: "b", counter: 1)]
                ).incremented(replicas[index])
                let result = try journal.commit([push([edit], replicas[index])], now: .start).results[0][0]
                guard case .verdict(let verdict, _) = result.decision else { continue }
                edits.withLock { $0[round].append(verdict) }
            }
        }
        #expect(edits.withLock { $0 }.allSatisfy { $0.count == 2 && $0.contains(.accepted) && $0.contains(.conflict) })
        let statistics = try stores[0].statistics(of: "s")
        #expect(statistics.recordCount == 1_001 && statistics.siblingCount > 0)
    }

    @Test("in new spaces at one moment makes each space once")
    func newSpaces() throws {
        let stores = try open(2).stores
        both { index in
            let journal = Journal(store: stores[index])
            for round in 0..<100 {
                let spaces = ["x\(round)", "y\(round)"].map { Identifier(unchecked: $0) }
                let name = Identifier(unchecked: "d\(index)")
                _ = try journal.commit(spaces.map { push([change("n\(index)", name)], name, in: $0) }, now: .start)
            }
        }
        for round in 0..<100 {
            for space in ["x\(round)", "y\(round)"] {
                #expect(try stores[0].statistics(of: Identifier(unchecked: space)).recordCount == 2)
            }
        }
        let heads = try stores[1].heads(of: ["x1", "y99", "nowhere"])
        #expect(Set(heads.keys) == ["x1", "y99"])
    }

    @Test("is dated by the server and begun anew after a deadlock")
    func deadlocks() throws {
        let stores = try open(2).stores
        for space: Identifier in ["a", "b"] {
            _ = try Journal(store: stores[0]).commit([push([change("0", "z")], "z", in: space)], now: .start)
        }
        // Each waits inside its transaction until the other has its first lock; on the second run nobody waits.
        let arrived = (0..<2).map { _ in DispatchSemaphore(value: 0) }
        both { index in
            let order: [Identifier] = index == 0 ? ["a", "b"] : ["b", "a"]
            let runs = Guarded(0)
            try stores[index].write { (transaction) throws(StoreError) in
                _ = try transaction.lockHead(of: order[0])
                if runs.withLock({
                    $0 += 1
                    return $0
                }) == 1 {
                    arrived[index].signal()
                    _ = arrived[1 - index].wait(timeout: .now() + 5)
                }
                let head = try transaction.lockHead(of: order[1])
                let time = try transaction.time ?? .start
                let entry = LogEntry(
                    position: head.next(now: time), author: "d", change: change("of \(index)", "d"))
                try transaction.append([entry], ending: [], in: order[1], head: entry.position)
            }
        }
        #expect(stores.reduce(0) { $0 + $1.metrics.deadlockRetries } >= 1)
        let year: Int64 = 365 * 86_400 * 1_000_000
        for space: Identifier in ["a", "b"] {
            let entries = try stores[0].page(PageQuery(space: space, after: .start)).entries
            #expect(entries.count == 2)
            #expect(entries.allSatisfy { $0.position.microseconds > 50 * year })
        }
    }

    @Test("while backends are killed loses nothing and writes nothing twice")
    func killedBackends() throws {
        let name = "killed\(UInt32.random(in: 0...UInt32.max))"
        let (stores, _) = try open(2, name: name)
        let done = Guarded(0)
        let accepted = Guarded<Set<String>>([])
        // On a thread of its own: a machine of two cores runs two iterations at once.
        let kills = Guarded(0)
        let killer = Thread {
            while done.withLock({ $0 }) < 2 {
                do { try TestPostgres.terminate(application: name) } catch { Issue.record(error) }
                kills.withLock { $0 += 1 }
                usleep(15_000)
            }
            done.withLock { $0 += 1 }
        }
        killer.start()
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            let journal = Journal(store: stores[index])
            let device = Identifier(unchecked: "d\(index)")
            for round in 0..<300 {
                let id = "\(index)-\(round)"
                // However late the killer has its turn: there are kills before, between and after the pushes.
                while kills.withLock({ $0 }) < round / 10 { usleep(1_000) }
                // As a device does: the same again until it has an answer.
                for _ in 0..<200 {
                    guard
                        let receipt = try? journal.commit([push([change(id, device)], device)], now: .start)
                    else { continue }
                    #expect(receipt.results[0][0].isSuccess)
                    _ = accepted.withLock { $0.insert(id) }
                    break
                }
            }
            done.withLock { $0 += 1 }
        }
        while done.withLock({ $0 }) < 3 { usleep(1_000) }
        var seen: [String] = []
        var after = Position.start
        while true {
            let page = try stores[0].page(PageQuery(space: "s", after: after, limit: 100))
            seen += page.entries.map(\.change.id.text)
            #expect(zip(page.entries, page.entries.dropFirst()).allSatisfy { $0.position < $1.position })
            after = page.upTo
            if !page.hasMore { break }
        }
        #expect(accepted.withLock { $0.count } == 600)
        #expect(seen.count == 600 && Set(seen).count == 600)
        let metrics = stores.map(\.metrics)
        #expect(kills.withLock { $0 } >= 29)
        // Whether a kill is noticed before a connection is lent, or under it, is chance; one way or the other it is.
        #expect(metrics.reduce(0) { $0 + $1.connections } > 4, "\(metrics)")
    }
}
