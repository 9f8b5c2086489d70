internal import Logging
internal import Reactor
internal import Storage

/// Tells once when the store goes away, and once when a commit succeeds again: lanes try it many times between.
final class StoreOutage: Sendable {
    private let log: Logger
    private let beganAt = Guarded<UInt64?>(nil)

    init(log: Logger) {
        self.log = log
    }

    func began(_ trouble: StoreError) {
        let isNew = beganAt.withLock { beganAt in
            guard beganAt == nil else { return false }
            beganAt = WallClock.uptime
            return true
        }
        if isNew { log.warning("the store is away, pushes wait for it", metadata: ["error": "\(trouble)"]) }
    }

    func ended() {
        let began = beganAt.withLock { beganAt in
            defer { beganAt = nil }
            return beganAt
        }
        guard let began else { return }
        log.notice("the store is back", metadata: ["seconds": "\((WallClock.uptime - began) / 1_000_000_000)"])
    }
}
