import Causality
import Foundation
import Storage
import Testing

/// Random schedules of devices that crash, resend and are wiped: no acknowledged write is lost, and all converge.
@Suite struct ScheduleTests {
    @Test func noAcknowledgedWriteIsLost() throws {
        let given = ProcessInfo.processInfo.environment["CARILLON_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("CARILLON_SEED=\(seed)")
        for round in 0..<10_000 {
            var schedule = Schedule(seed: seed &+ UInt64(round))
            try schedule.run()
            if let failure = try schedule.failure() {
                Issue.record("CARILLON_SEED=\(seed &+ UInt64(round)): \(failure)")
                return
            }
        }
    }
}

struct Schedule {
    static let names: [RecordName] = [
        RecordName(kind: "note", id: "1"), RecordName(kind: "note", id: "2"), RecordName(kind: "counter", id: "1"),
        RecordName(kind: "doc", id: "1"),
    ]

    let store = MemoryStore(generation: Generation(1))
    let journal: Journal
    var random: SeededGenerator
    var devices: [SimulatedDevice]
    /// Frames on the way a second time, in any order.
    var strays: [Submission] = []
    /// Record and clock of every write that the hub said it has.
    var acknowledged: [(name: RecordName, clock: VectorClock)] = []
    var edits = 0
    var now: Int64 = 0

    init(seed: UInt64) {
        // As devices name what they write: by the body.
        journal = Journal(store: store) { Identifier(unchecked: "h" + String(decoding: $0, as: UTF8.self)) }
        random = SeededGenerator(state: seed)
        let count = Int.random(in: 3...5, using: &random)
        devices = (0..<count).map {
            SimulatedDevice(id: Identifier(unchecked: "d\($0)"), replica: Identifier(unchecked: "r\($0)"))
        }
    }

    mutating func run() throws {
        try store.setPolicy(.lastWriterWins, for: "counter")
        try store.setPolicy(.merge(.plain), for: "doc")
        for _ in 0..<Int.random(in: 10...30, using: &random) {
            now += Int64.random(in: 0...2, using: &random)
            let index = Int.random(in: 0..<devices.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5: try push(from: index)
            case 5..<8: _ = try devices[index].pull(from: store, limit: Int.random(in: 1...4, using: &random))
            case 8:
                guard let stray = strays.randomElement(using: &random) else { continue }
                _ = try journal.commit([stray], now: Position(now))
            default:
                edits += 1
                devices[index].wipe(as: Identifier(unchecked: "w\(edits)-\(index)"))
            }
        }
    }

    /// Sends the unanswered frame again, or a new one. The answer is lost one time in four.
    private mutating func push(from index: Int) throws {
        let frame = devices[index].unanswered ?? frame(of: index)
        devices[index].unanswered = frame
        strays.append(frame)
        if Int.random(in: 0..<8, using: &random) == 0 { return }
        let results = try journal.commit([frame], now: Position(now)).results[0]
        if Int.random(in: 0..<4, using: &random) == 0 { return }
        devices[index].unanswered = nil
        for (change, result) in zip(frame.changes, results) {
            // The hub may have raised the clock under the device's name: it counts on from there.
            devices[index].counter = max(devices[index].counter, result.clock[frame.replica])
            // The conflict of an aborted push names the item to blame; like its neighbours it was not kept.
            let isAborted = frame.isAtomic && results.contains { !$0.isSuccess }
            switch result.decision {
            case _ where isAborted: break
            case .verdict(.accepted, _), .verdict(.duplicate, _), .verdict(.conflict, _):
                acknowledged.append((change.name, change.clock))
            case .verdict(.stale, _), .siblingLimit, .clockLimit, .unknownVersion, .overloaded, .atomicAborted,
                .forbidden, .recordLimit, .unexpected:
                if result.stored == nil { Issue.record("a refusal without what is stored") }
            }
        }
    }

    private mutating func frame(of index: Int) -> Submission {
        let names = Schedule.names.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random))
        var changes: [Change] = []
        for name in names {
            edits += 1
            let isResolving = Int.random(in: 0..<3, using: &random) == 0
            changes.append(devices[index].edit(name, resolving: isResolving, hash: edits, time: now))
        }
        return Submission(
            space: "s", author: devices[index].id, replica: devices[index].replica, changes: changes,
            isAtomic: Int.random(in: 0..<5, using: &random) == 0,
            isForced: Int.random(in: 0..<10, using: &random) == 0)
    }

    /// What is wrong at the end, if anything.
    mutating func failure() throws -> String? {
        for (name, clock) in acknowledged {
            guard let record = try store.record(RecordKey(space: "s", kind: name.kind, id: name.id)) else {
                return "\(name) is gone"
            }
            let kept = [record.head] + record.siblings
            for entry in kept where !entry.change.body.elementsEqual(entry.change.hash.text.utf8.dropFirst()) {
                return "\(name) has not the content that was written: \(entry)"
            }
            if !kept.contains(where: { $0.change.clock.dominates(clock) }) { return "\(name) lost \(clock): \(kept)" }
        }
        for index in devices.indices {
            while try devices[index].pull(from: store, limit: 5) {}
            for name in Schedule.names {
                let stored = try store.record(RecordKey(space: "s", kind: name.kind, id: name.id))?.head
                if devices[index].head(name) != stored { return "\(devices[index].id) differs in \(name)" }
            }
        }
        return nil
    }
}
