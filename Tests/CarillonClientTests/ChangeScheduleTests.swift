import CarillonClient
import Causality
import Storage
import Testing
import Wire

@Suite("The schedule of changes to work on")
struct ChangeScheduleTests {
    private func cursor(_ position: Int64) -> Cursor {
        Cursor(generation: Generation(1), spaceTag: 7, position: Position(position))
    }

    private func entry(_ id: Identifier, _ position: Int64) -> LogEntry {
        let change = Change(
            kind: "note", id: id, namespace: "default",
            clock: VectorClock([.init(replica: "r", counter: position)]), hash: "h", body: [0x31], isDeleted: false,
            updatedAt: 0, schemaVersion: 0, embedding: nil, supersedes: [])
        return LogEntry(position: Position(position), author: "a", change: change, isSibling: false)
    }

    private func schedule(jobs: Int, _ ids: [Identifier]) -> ChangeSchedule {
        var schedule = ChangeSchedule(jobsMax: jobs)
        for (index, id) in ids.enumerated() {
            schedule.append(entry(id, Int64(index + 1)), place: cursor(Int64(index + 1)))
        }
        return schedule
    }

    /// Not within `#require`: the macro's closure cannot change the schedule.
    private func take(_ schedule: inout ChangeSchedule, _ now: UInt64) throws -> ChangeSchedule.Job {
        let job = schedule.next(now: now)
        return try #require(job)
    }

    @Test("with one job, changes come one by one, and the cursor follows")
    func oneByOne() throws {
        var schedule = schedule(jobs: 1, ["a", "b"])
        let first = try take(&schedule, 0)
        #expect(first.entry.change.id == "a")
        let none = schedule.next(now: 0)?.number
        #expect(none == nil)
        #expect(schedule.cursor == nil)
        schedule.succeeded(first.number)
        #expect(schedule.cursor == cursor(1))
        let second = try take(&schedule, 0)
        #expect(second.entry.change.id == "b")
        schedule.succeeded(second.number)
        #expect(schedule.cursor == cursor(2))
        #expect(schedule.isEmpty)
    }

    @Test("several jobs run at once, a record's own changes never, and the cursor leaves no gap")
    func parallel() throws {
        var schedule = schedule(jobs: 3, ["a", "a", "b", "c"])
        let a1 = try take(&schedule, 0)
        let b = try take(&schedule, 0)
        let c = try take(&schedule, 0)
        #expect([a1, b, c].map(\.entry.change.id) == ["a", "b", "c"])
        schedule.succeeded(b.number)
        schedule.succeeded(c.number)
        #expect(schedule.cursor == nil)
        let none = schedule.next(now: 0)?.number
        #expect(none == nil)
        schedule.succeeded(a1.number)
        #expect(schedule.cursor == cursor(1))
        let a2 = try take(&schedule, 0)
        schedule.succeeded(a2.number)
        #expect(schedule.cursor == cursor(4))
        #expect(schedule.succeededCount == 4)
    }

    @Test("a failed change waits for its time and holds up its record, and with one job everything")
    func retries() throws {
        for jobs in [1, 2] {
            var schedule = schedule(jobs: jobs, ["a", "a", "b"])
            let first = try take(&schedule, 0)
            schedule.failed(first.number, notBefore: 100)
            let other = schedule.next(now: 99)
            #expect(other?.entry.change.id == (jobs == 1 ? nil : "b"))
            let again = try take(&schedule, 100)
            #expect(again.number == first.number)
            #expect(again.attempt == 2)
        }
    }

    @Test("places without work move the cursor once all before them is done")
    func passes() throws {
        var schedule = ChangeSchedule(jobsMax: 1)
        schedule.pass(to: cursor(5))
        #expect(schedule.cursor == cursor(5))
        schedule.append(entry("a", 6), place: cursor(6))
        schedule.pass(to: cursor(7))
        schedule.pass(to: cursor(8))
        #expect(schedule.cursor == cursor(5))
        let job = try take(&schedule, 0)
        schedule.succeeded(job.number)
        #expect(schedule.cursor == cursor(8))
    }

    @Test("the room is bounded, and what came before a reset is counted no more")
    func bounded() throws {
        var schedule = ChangeSchedule(jobsMax: 1)
        var position: Int64 = 0
        while !schedule.isFull {
            position += 1
            schedule.append(entry("a", position), place: cursor(position))
        }
        #expect(position == Int64(ChangeSchedule.countMax))
        #expect(!schedule.hasRoom)
        let running = try take(&schedule, 0)
        schedule.reset()
        schedule.append(entry("b", 1), place: cursor(1))
        schedule.succeeded(running.number)
        #expect(schedule.cursor == nil)
        #expect(try take(&schedule, 0).entry.change.id == "b")
    }

    /// Random successes and failures: each change succeeds once, in its record's order, and the cursor never passes
    /// one that has not.
    @Test("random work ends with everything done in order", arguments: [1, 2, 7] as [UInt64])
    func random(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let ids = (0..<200).map { _ in Identifier(unchecked: "r\(Int.random(in: 0..<9, using: &random))") }
        var schedule = schedule(jobs: 4, ids)
        var running: [ChangeSchedule.Job] = []
        var done: [Int64] = []
        var now: UInt64 = 0
        while !schedule.isEmpty {
            now += 1
            while let job = schedule.next(now: now) { running.append(job) }
            guard !running.isEmpty else { continue }
            let job = running.remove(at: Int.random(in: 0..<running.count, using: &random))
            if Int.random(in: 0..<4, using: &random) == 0 {
                schedule.failed(job.number, notBefore: now + 3)
            } else {
                schedule.succeeded(job.number)
                done.append(job.entry.position.microseconds)
            }
            if let reached = schedule.cursor?.position.microseconds {
                #expect(Set(done).isSuperset(of: 1...reached))
            }
        }
        #expect(done.sorted() == Array(1...200))
        for id in Set(ids) {
            let own = done.filter { ids[Int($0) - 1] == id }
            #expect(own == own.sorted())
        }
    }
}

/// SplitMix64, so that a failure can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
