internal import Causality
internal import Reactor

/// How many event streams, polls and exports each user holds, on all shards of all hubs together.
///
/// What other hubs hold is what they last said, so two hubs may let one more in at the same moment: the bound is there
/// for memory, not for accounts.
final class StreamAllowance: Sendable {
    private struct Foreign {
        var count: Int
        var heardAt: UInt64
    }

    private struct State {
        var counts: [Identifier: Int] = [:]
        /// Changed since other hubs were told.
        var untold: Set<Identifier> = []
        /// By user and hub.
        var foreign: [Identifier: [String: Foreign]] = [:]
    }

    private let perUserMax: Int
    private let patienceNanoseconds: UInt64
    /// Users of whom other hubs' counts are kept, and hubs of one user: what lines may make us hold.
    private static let foreignUsersMax = 100_000
    private static let hubsMax = 64
    private let state = Guarded(State())

    init(perUserMax: Int, patienceSeconds: Int) {
        self.perUserMax = perUserMax
        patienceNanoseconds = UInt64(patienceSeconds) * 1_000_000_000
    }

    /// Whether the user may hold one more. Each true is given back once, by ``giveBack(_:)``.
    func take(_ user: Identifier) -> Bool {
        let now = WallClock.uptime
        return state.withLock { state in
            let count = state.counts[user, default: 0]
            var foreign = 0
            for (hub, told) in state.foreign[user] ?? [:] {
                if now - min(told.heardAt, now) > patienceNanoseconds {
                    state.foreign[user]?[hub] = nil
                } else {
                    foreign += told.count
                }
            }
            guard count + foreign < perUserMax else { return false }
            state.counts[user] = count + 1
            state.untold.insert(user)
            return true
        }
    }

    func giveBack(_ user: Identifier) {
        state.withLock { state in
            let count = state.counts[user, default: 0] - 1
            state.counts[user] = count > 0 ? count : nil
            state.untold.insert(user)
        }
    }

    /// What other hubs are to be told: what has changed, or all.
    func toTell(all: Bool) -> [BusLine.UserCount] {
        state.withLock { state in
            let users = all ? state.untold.union(state.counts.keys) : state.untold
            state.untold = []
            return users.map { BusLine.UserCount(user: $0, count: state.counts[$0] ?? 0) }
        }
    }

    /// Nobody is to be told.
    func keepToItself() {
        state.withLock { $0.untold = [] }
    }

    func hear(_ told: [BusLine.UserCount], of hub: String) {
        let now = WallClock.uptime
        state.withLock { state in
            for entry in told {
                if entry.count == 0 {
                    state.foreign[entry.user]?[hub] = nil
                    if state.foreign[entry.user]?.isEmpty == true { state.foreign[entry.user] = nil }
                    continue
                }
                let isNew = state.foreign[entry.user] == nil
                if isNew, state.foreign.count >= StreamAllowance.foreignUsersMax { continue }
                let hubs = state.foreign[entry.user] ?? [:]
                if hubs[hub] == nil, hubs.count >= StreamAllowance.hubsMax { continue }
                state.foreign[entry.user, default: [:]][hub] = Foreign(count: entry.count, heardAt: now)
            }
        }
    }

    /// That hub has stopped.
    func forget(_ hub: String) {
        state.withLock { state in
            for user in Array(state.foreign.keys) {
                state.foreign[user]?[hub] = nil
                if state.foreign[user]?.isEmpty == true { state.foreign[user] = nil }
            }
        }
    }

    /// What was told too long ago is no more.
    func forgetTheSilent() {
        let now = WallClock.uptime
        state.withLock { state in
            guard !state.foreign.isEmpty else { return }
            for user in Array(state.foreign.keys) {
                state.foreign[user] = state.foreign[user]?.filter {
                    now - min($0.value.heardAt, now) <= patienceNanoseconds
                }
                if state.foreign[user]?.isEmpty == true { state.foreign[user] = nil }
            }
        }
    }
}
