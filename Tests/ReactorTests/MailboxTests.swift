import Foundation
import Reactor
import Testing

@Suite(.serialized, .timeLimit(.minutes(5)))
struct MailboxTests {
    @Test func mailOfFourThreadsArrivesOnceAndInEachOnesOrder() throws {
        let loop = try ProbeLoop()
        let seen = Guarded([[Int]](repeating: [], count: 4))
        let perThread = 20_000
        for thread in 0..<4 {
            Thread.detachNewThread {
                for number in 0..<perThread {
                    loop.address.post { _ in seen.withLock { $0[thread].append(number) } }
                }
            }
        }
        eventually { seen.withLock { $0.allSatisfy { $0.count >= perThread } } }
        loop.end()
        #expect(seen.withLock { $0 } == Array(repeating: Array(0..<perThread), count: 4))
    }

    @Test func mailThatComesWhileTheLoopIsBusyIsOneBatchAndOneWakeup() throws {
        let waits = Guarded(0)
        let loop = try ProbeLoop(
            calls: SystemCalls { call in
                if call == .wait { waits.withLock { $0 += 1 } }
                return nil
            })
        let isBusy = Guarded(true)
        let count = Guarded(0)
        loop.address.post { _ in while isBusy.withLock({ $0 }) { usleep(100) } }
        eventually { loop.log.withLock { $0.mailBatches == 1 } }
        let before = waits.withLock { $0 }
        for _ in 0..<1000 { loop.address.post { _ in count.withLock { $0 += 1 } } }
        isBusy.withLock { $0 = false }
        eventually { count.withLock { $0 == 1000 } }
        #expect(loop.log.withLock { $0.mailBatches } == 2)
        usleep(20_000)
        #expect(waits.withLock { $0 } - before == 2)
        loop.end()
    }

    @Test func mailOfTheLoopItselfIsTakenInTheSameTurnBeforeTheNextWait() throws {
        let waits = Guarded(0)
        let loop = try ProbeLoop(
            calls: SystemCalls { call in
                if call == .wait { waits.withLock { $0 += 1 } }
                return nil
            })
        let waitsAtEachStep = Guarded<[Int]>([])
        loop.address.post { probe in
            waitsAtEachStep.withLock { $0.append(waits.withLock { $0 }) }
            probe.loop.address.post { probe in
                waitsAtEachStep.withLock { $0.append(waits.withLock { $0 }) }
                probe.loop.address.post { _ in waitsAtEachStep.withLock { $0.append(waits.withLock { $0 }) } }
            }
        }
        eventually { waitsAtEachStep.withLock { $0.count == 3 } }
        loop.end()
        let seen = waitsAtEachStep.withLock { $0 }
        #expect(Set(seen).count == 1)
    }

    @Test func aLoopThatKeepsWritingToItselfStillHearsOthers() throws {
        let loop = try ProbeLoop()
        let isAsked = Guarded(false)
        let rounds = Guarded(0)
        @Sendable func goOn(_ probe: Probe) {
            rounds.withLock { $0 += 1 }
            if !isAsked.withLock({ $0 }) { probe.loop.address.post(goOn) }
        }
        loop.address.post(goOn)
        eventually { rounds.withLock { $0 > 1_000 } }
        loop.address.post { _ in isAsked.withLock { $0 = true } }
        eventually { isAsked.withLock { $0 } }
        loop.end()
    }
}
