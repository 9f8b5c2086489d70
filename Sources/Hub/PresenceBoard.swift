internal import Causality
internal import Reactor
internal import Storage

/// Which devices are connected to this hub, and what of it the store has not been told yet.
///
/// A session counts, and so does an event stream that names its device. The notes are a convenience for people: one
/// that is lost is made up for with the next renewal.
final class PresenceBoard: Sendable {
    struct Key: Hashable {
        let user: Identifier
        let device: Identifier
    }

    private struct State {
        var counts: [Key: Int] = [:]
        /// Come or gone since the last note.
        var changed: Set<Key> = []
        var renewedAt = WallClock.uptime
        var isNoting = false
    }

    private let state = Guarded(State())
    private let leaseMicroseconds: Int64
    private let renewalNanoseconds: UInt64

    init(leaseSeconds: Int, renewalSeconds: Int) {
        leaseMicroseconds = Int64(leaseSeconds) * 1_000_000
        renewalNanoseconds = UInt64(renewalSeconds) * 1_000_000_000
    }

    func come(_ device: Identifier, of user: Identifier) {
        let key = Key(user: user, device: device)
        state.withLock { state in
            let count = state.counts[key, default: 0]
            state.counts[key] = count + 1
            if count == 0 { state.changed.insert(key) }
        }
    }

    /// - Parameter isElsewhere: it has a session at another hub: that it leaves this one is not to be noted.
    func go(_ device: Identifier, of user: Identifier, isElsewhere: Bool) {
        let key = Key(user: user, device: device)
        state.withLock { state in
            let count = state.counts[key, default: 0] - 1
            state.counts[key] = count > 0 ? count : nil
            guard count <= 0 else { return }
            if isElsewhere { state.changed.remove(key) } else { state.changed.insert(key) }
        }
    }

    /// What is to be noted now, in parts that a store takes at once; empty where there is nothing, or where the note
    /// before goes on. Call ``noted(failed:)`` when it has ended.
    func begin() -> [[Presence]] {
        let uptime = WallClock.uptime
        let until = Position(WallClock.now.microseconds + leaseMicroseconds)
        return state.withLock { state in
            guard !state.isNoting else { return [] }
            let isRenewal = uptime - state.renewedAt >= renewalNanoseconds
            let keys = isRenewal ? state.changed.union(state.counts.keys) : state.changed
            if isRenewal { state.renewedAt = uptime }
            guard !keys.isEmpty else { return [] }
            state.changed = []
            state.isNoting = true
            let presences = keys.map { key in
                Presence(
                    device: key.device, userID: key.user, until: state.counts[key] == nil ? nil : until)
            }
            return stride(from: 0, to: presences.count, by: Presence.countMax).map {
                Array(presences[$0..<min($0 + Presence.countMax, presences.count)])
            }
        }
    }

    /// - Parameter failed: what the store did not take, to be noted again.
    func noted(failed: [Presence]) {
        state.withLock { state in
            state.isNoting = false
            for presence in failed { state.changed.insert(Key(user: presence.userID, device: presence.device)) }
        }
    }
}
