import Causality
import Storage
import Testing

@testable import Hub

/// What one hub has announced of one space, while reads and commits come in any order.
@Suite("A followed space")
struct FollowTests {
    private static let life = Generation(1)

    private func stretch(_ after: Int64, _ upTo: Int64, of generation: Generation = life) -> Broadcast {
        Broadcast("s", after: Position(after), upTo: Position(upTo), items: [], generation: generation)
    }

    /// With somebody live at 10.
    private func follow() -> Follow {
        var follow = Follow(shard: 0, of: FollowTests.life, id: 1)
        let begins = follow.wentLive(at: Position(10))
        #expect(!begins)
        return follow
    }

    @Test("what is heard of while the log is read is read next, though the read did not see it")
    func heardMeanwhile() {
        var follow = follow()
        var begins = follow.hear(Position(20))
        #expect(begins)
        var next = follow.nextStretch()
        #expect(next?.after == Position(10))
        begins = follow.hear(Position(30))
        #expect(!begins)
        follow.takeRead(stretch(10, 20)) { _ in }
        next = follow.nextStretch()
        #expect(next?.after == Position(20))
        follow.takeRead(stretch(20, 30)) { _ in }
        next = follow.nextStretch()
        #expect(next == nil && !follow.isReading)
    }

    @Test("a commit that comes while the log is read, behind a gap that the read did not see, is kept")
    func heldMeanwhile() {
        var follow = follow()
        var told: [Position] = []
        _ = follow.hear(Position(20))
        _ = follow.nextStretch()
        _ = follow.take(stretch(30, 40)) { told.append($0.upTo) }
        follow.takeRead(stretch(10, 20)) { told.append($0.upTo) }
        var next = follow.nextStretch()
        #expect(next == Follow.Stretch(after: Position(20), upTo: Position(30)))
        follow.takeRead(stretch(20, 30)) { told.append($0.upTo) }
        #expect(told == [Position(20), Position(30), Position(40)])
        next = follow.nextStretch()
        #expect(next == nil)
    }

    @Test("what is said to exist and does not is asked for once")
    func phantom() {
        var follow = follow()
        _ = follow.hear(Position(1_000))
        _ = follow.take(stretch(2_000, 3_000)) { _ in }
        var next = follow.nextStretch()
        #expect(next == Follow.Stretch(after: Position(10), upTo: Position(2_000)))
        follow.takeRead(stretch(10, 20)) { _ in }
        next = follow.nextStretch()
        #expect(next == nil && follow.held.isEmpty)
        var told: [Position] = []
        _ = follow.take(stretch(20, 30)) { told.append($0.upTo) }
        #expect(told == [Position(30)])
    }

    @Test("a stretch of another life of the log is told to nobody, and moves nothing")
    func lives() {
        var follow = follow()
        var told: [Position] = []
        follow.forget(for: Generation(2))
        _ = follow.take(stretch(10, 900)) { told.append($0.upTo) }
        follow.takeRead(stretch(10, 900)) { told.append($0.upTo) }
        #expect(told.isEmpty && follow.told == .start)
        _ = follow.wentLive(at: Position(5))
        _ = follow.take(stretch(5, 6, of: Generation(2))) { told.append($0.upTo) }
        #expect(told == [Position(6)])
        // Told again by somebody who was slow to notice.
        follow.forget(for: Generation(2))
        #expect(follow.announced == Position(6))
    }

    @Test("of a hub among many the newest count of a user's streams is kept")
    func manyHubs() {
        let streams = StreamAllowance(perUserMax: 100, patienceSeconds: 60)
        for number in 0..<64 { streams.hear([BusLine.UserCount(user: "u", count: 1)], of: "hub\(number)") }
        #expect(streams.take("u"))
        streams.hear([BusLine.UserCount(user: "u", count: 90)], of: "hub0")
        #expect(!streams.take("u"))
    }
}
