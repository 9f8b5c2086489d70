internal import Foundation
internal import Reactor

/// The attackers, each on a thread of its own: they wait nearly always, and blocking sockets do what event loops of
/// ours never would.
final class HostileField {
    private let stopped = Guarded(false)
    private let tallies = Guarded<[HostileKind: HostileTally]>([:])
    private var threads: [Thread] = []

    /// Their stacks hold next to nothing.
    private static let stackBytes = 512 * 1024

    func start(_ plan: HostilePlan) {
        let (stopped, tallies) = (stopped, tallies)
        let kinds = plan.kinds.isEmpty ? HostileKind.allCases : plan.kinds
        for number in 0..<min(plan.peers, HostileLimits.peersMax) {
            let kind = kinds[number % kinds.count]
            let key = plan.load.keys[number % plan.load.keys.count]
            let address = plan.load.address
            let thread = Thread {
                var peer = HostilePeer(number: number, kind: kind, address: address, key: key) {
                    stopped.withLock { $0 }
                }
                while !stopped.withLock({ $0 }) {
                    peer.attackOnce()
                    let tally = peer.tally
                    peer.tally = HostileTally()
                    tallies.withLock { $0[kind, default: HostileTally()].add(tally) }
                }
            }
            thread.stackSize = Self.stackBytes
            thread.start()
            threads.append(thread)
        }
    }

    /// Ends them all; every connection of theirs is closed when it returns.
    func stop() -> [HostileKind: HostileTally] {
        stopped.withLock { $0 = true }
        while !threads.allSatisfy(\.isFinished) { Thread.sleep(forTimeInterval: 0.02) }
        threads.removeAll()
        return tallies.withLock { $0 }
    }
}
