import Foundation
import Glibc
import HubTesting
import Reactor
import Testing

/// SIGTERM while fifty devices push.
@Suite("Termination", .timeLimit(.minutes(5)))
struct TerminationTests {
    private struct Outcome: Sendable {
        var acknowledged: [String] = []
        var delay: Int?
        var isTwice = false
    }

    @Test("a hub that is told to end under load loses no acknowledged push, says bye to all, and exits with 0 in time")
    func load() throws {
        let hub = try HubProcess(options: ["--quick-start", "--drain-seconds", "5", "--log-format", "json"])
        let (port, key, count) = (hub.port, hub.key, 50)
        let outcomes = Guarded<[Int: Outcome]>([:])
        let pushed = Guarded(0)
        let ended = DispatchGroup()
        for number in 0..<count {
            ended.enter()
            Thread.detachNewThread {
                defer { ended.leave() }
                let outcome = try? TerminationTests.push(number, port, key) { pushed.withLock { $0 += 1 } }
                outcomes.withLock { $0[number] = outcome }
            }
        }
        #expect(try eventually(seconds: 60) { pushed.withLock { $0 } > 10 * count })
        let begun = Date()
        #expect(hub.stop() == 0)
        #expect(Date().timeIntervalSince(begun) < 7)
        ended.wait()
        let all = outcomes.withLock { $0 }
        #expect(all.count == count)
        let delays = all.values.compactMap(\.delay)
        #expect(delays.count == count, "bye came to \(delays.count)")
        #expect(Set(delays).count > count / 2)
        #expect(all.values.allSatisfy { !$0.isTwice })
        #expect(hub.program.errorText.contains(#""message":"drained""#))
        try hub.start()
        let pull = try hub.run(["pull", "--json", "--all"])
        #expect(pull.exitStatus() == 0, "\(pull.errorText)")
        let stored = Set(pull.lines.compactMap { TerminationTests.id(of: $0) })
        let lost = all.values.flatMap(\.acknowledged).filter { !stored.contains($0) }
        #expect(lost.isEmpty, "\(lost.count) of \(all.values.reduce(0) { $0 + $1.acknowledged.count })")
    }

    private static func id(of line: Substring) -> String? {
        (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["id"] as? String
    }

    private static func push(
        _ number: Int, _ port: UInt16, _ key: String, _ tell: () -> Void
    ) throws -> Outcome {
        let device = try TestDevice(port: port, name: "device\(number)", key: key)
        try device.hello(["live": false])
        var outcome = Outcome()
        var answered: Set<String> = []
        var turn = 0
        while outcome.delay == nil {
            turn += 1
            let id = "r\(number).\(turn)"
            // Once the hub has hung up there is nobody to send to; its last words are read all the same.
            try? device.send(["type": "push", "id": id, "changes": [change(id, ["l": 1], turn)]])
            var isAnswered = false
            while !isAnswered, let frame = try device.nextFrame(seconds: 20) {
                switch frame["type"] as? String {
                case "pushed", "error":
                    let answer = frame["id"] as? String ?? ""
                    if !answered.insert(answer).inserted { outcome.isTwice = true }
                    if frame["type"] as? String == "pushed" {
                        outcome.acknowledged.append(answer)
                        tell()
                    }
                    isAnswered = true
                case "bye":
                    outcome.delay = frame["reconnect_after_ms"] as? Int
                    isAnswered = true
                default: continue
                }
            }
            if !isAnswered { break }
        }
        return outcome
    }
}
