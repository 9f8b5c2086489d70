internal import Dispatch
internal import Reactor

/// Whether those who were just answered are worth a moment's wait.
///
/// Devices that push again when they have their answer fall into two halves: one is answered while the other waits for
/// its commit, and each push takes two commits long. A lane that waits a moment for the first half commits both at once,
/// and each push takes one. Where nobody comes back in time, the next commits do not wait: 1, 3, 7 and so on up to
/// ``passedMax``, so that pushes that come by their own clock lose nothing.
struct Company {
    /// Commits between two tries, where nobody ever came.
    static let passedMax = 255
    /// Longest wait, in nanoseconds. A commit's own time is the bound, too: longer than that nothing is gained.
    static let waitMax: UInt64 = 5_000_000

    private var failures = 0
    private var toPass = 0

    /// How many pushes to wait for; nil: none.
    ///
    /// - Parameters:
    ///   - answered: pushes of the commit that has just ended.
    ///   - waiting: those that came meanwhile.
    mutating func expected(answered: Int, waiting: Int) -> Int? {
        let all = answered + waiting
        // Most are enough: of many, one is always late.
        let wanted = all - all / 8
        // A lone device waits for nobody.
        guard all > 1, waiting < wanted else { return nil }
        guard toPass == 0 else {
            toPass -= 1
            return nil
        }
        return wanted
    }

    mutating func learn(cameInTime: Bool) {
        failures = cameInTime ? 0 : min(failures + 1, 8)
        toPass = min((1 << failures) - 1, Company.passedMax)
    }
}

extension JournalLane {
    /// Waits for company, after a commit of `answered` pushes that took `took` nanoseconds. Blocks.
    func gather(answered: Int, took: UInt64) {
        let isToWait = state.withLock { state in
            state.expected = state.company.expected(answered: answered, waiting: state.waiting.count)
            return state.expected != nil
        }
        guard isToWait else { return }
        let patience = Int(clamping: min(took, Company.waitMax))
        let cameInTime = arrived.wait(timeout: .now() + .nanoseconds(patience)) == .success
        let isSignalled = state.withLock { state in
            defer { state.expected = nil }
            let isMet = state.expected == nil
            state.company.learn(cameInTime: isMet)
            return isMet
        }
        // Told between the end of our patience and the lock.
        if isSignalled, !cameInTime { arrived.wait() }
    }
}
