internal import Causality
internal import Reactor

/// Slows those who try keys and passwords: after some free tries of an address, or for an account, each failure costs
/// twice the time of the one before.
///
/// A good key is never refused: its check is one hash, so it is made first, and only a failure is answered late. A
/// password's check is dear, so the gate is before it; but whoever logged in to the account from this address before
/// is not held up by what others try.
final class LoginPenalties: Sendable {
    private struct Trouble {
        var failures = 0
        var failedAt: UInt64 = 0
        var endsAt: UInt64 = 0
    }

    private struct State {
        var ofAddress: RecentTable<AddressBlock, Trouble>
        var ofAccount: RecentTable<String, Trouble>
        /// Where an account was last logged in to from.
        var good: RecentTable<String, AddressBlock>
    }

    private let limits: HubLimits
    private let state: Guarded<State>

    init(_ limits: HubLimits) {
        self.limits = limits
        state = Guarded(
            State(
                ofAddress: RecentTable(countMax: limits.keyedEntriesMax),
                ofAccount: RecentTable(countMax: limits.keyedEntriesMax),
                good: RecentTable(countMax: limits.keyedEntriesMax)))
    }

    /// Somebody came with a wrong key. Nil where it is to be told so, else the milliseconds in which it is not.
    func failed(from address: AddressBlock?, now: UInt64 = WallClock.uptime) -> Int? {
        guard let address else { return nil }
        return state.withLock { state in
            if let wait = wait(state.ofAddress[address], now) { return wait }
            state.ofAddress.set(address, failure(state.ofAddress[address], now))
            return nil
        }
    }

    /// Before a password is looked at. Nil where it may be, else the milliseconds until then.
    func wait(account: String, from address: AddressBlock?, now: UInt64 = WallClock.uptime) -> Int? {
        state.withLock { state in
            if let address, let wait = wait(state.ofAddress[address], now) { return wait }
            if let address, state.good[account] == address { return nil }
            return wait(state.ofAccount[account], now)
        }
    }

    /// The password was wrong, or there is no such account.
    func failed(account: String, from address: AddressBlock?, now: UInt64 = WallClock.uptime) {
        state.withLock { state in
            if let address { state.ofAddress.set(address, failure(state.ofAddress[address], now)) }
            state.ofAccount.set(account, failure(state.ofAccount[account], now))
        }
    }

    func succeeded(account: String, from address: AddressBlock?) {
        state.withLock { state in
            state.ofAccount.remove(account)
            if let address { state.good.set(account, address) }
        }
    }

    private func wait(_ trouble: Trouble?, _ now: UInt64) -> Int? {
        guard let trouble, trouble.endsAt > now else { return nil }
        return Int((trouble.endsAt - now) / 1_000_000) + 1
    }

    private func failure(_ before: Trouble?, _ now: UInt64) -> Trouble {
        var trouble = before ?? Trouble()
        if now - min(now, trouble.failedAt) > UInt64(limits.loginMemorySeconds) * 1_000_000_000 { trouble = Trouble() }
        trouble.failures += 1
        trouble.failedAt = now
        let paid = trouble.failures - limits.loginTriesFree
        if paid > 0 {
            let seconds = min(1 << min(paid - 1, 20), limits.loginPauseSecondsMax)
            trouble.endsAt = now + UInt64(seconds) * 1_000_000_000
        }
        return trouble
    }
}
