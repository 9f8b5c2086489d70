import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct TimerTests {
    @Test func timersFireInTheOrderOfTheirDeadlinesAndNotBefore() throws {
        let loop = try ProbeLoop()
        defer { loop.end() }
        let start = ContinuousClock.now
        loop.perform { probe in
            for (delay, token) in [(30, 3), (10, 1), (50, 5), (20, 2), (40, 4), (10, 11)] as [(Int, UInt64)] {
                probe.loop.schedule(after: .milliseconds(delay), token: token)
            }
        }
        eventually { loop.log.withLock { $0.timers.count == 6 } }
        #expect(loop.log.withLock { $0.timers } == [1, 11, 2, 3, 4, 5])
        #expect(ContinuousClock.now - start >= .milliseconds(49))
    }

    @Test func aCancelledTimerNeverFiresAndItsSlotsNextOwnerDoes() throws {
        let loop = try ProbeLoop()
        defer { loop.end() }
        loop.perform { probe in
            let timer = probe.loop.schedule(after: .milliseconds(10), token: 1)
            probe.loop.cancel(timer)
            probe.loop.schedule(after: .milliseconds(10), token: 2)
            probe.loop.cancel(timer)
        }
        eventually { loop.log.withLock { $0.timers == [2] } }
        usleep(20_000)
        #expect(loop.log.withLock { $0.timers } == [2])
    }

    @Test func aHundredThousandRestartsLeaveTheRightTimer() throws {
        let loop = try ProbeLoop()
        defer { loop.end() }
        loop.perform { probe in
            var timer = TimerID.none
            for token in 1...100_000 as ClosedRange<UInt64> {
                probe.loop.cancel(timer)
                timer = probe.loop.schedule(after: .milliseconds(1), token: token)
            }
        }
        eventually { loop.log.withLock { $0.timers == [100_000] } }
    }

    @Test func aTimerThatReschedulesItselfAtOnceLeavesRoomForMail() throws {
        let loop = try ProbeLoop { probe in
            probe.onTimer = { probe, token in probe.loop.schedule(after: .zero, token: token) }
        }
        defer { loop.end() }
        loop.perform { $0.loop.schedule(after: .zero, token: 1) }
        #expect(loop.perform { _ in 7 } == 7)
    }

    @Test func pastTheLimitThereIsNoTimer() throws {
        var configuration = LoopConfiguration()
        configuration.timersMax = 2
        let loop = try ProbeLoop(configuration)
        defer { loop.end() }
        let ids = loop.perform { probe in (0..<3).map { probe.loop.schedule(after: .seconds(60), token: $0) } }
        #expect(ids?.last == TimerID.none)
        #expect(ids?.first != TimerID.none)
    }
}
