internal import Logging
internal import Reactor
internal import Storage

/// What a lane counts and tells of.
extension JournalLane {
    var currentFigures: LaneFigures {
        state.withLock { state in
            var figures = state.figures
            figures.waitingPushes = state.waiting.count
            figures.waitingBytes = state.waitingBytes
            return figures
        }
    }

    /// Whether it has been at one thing for longer than that: a store that never answers.
    func isStuck(seconds: Int) -> Bool {
        let now = WallClock.uptime
        return state.withLock { state in
            state.isCommitting && now > state.movedAt
                && (now - state.movedAt) / 1_000_000_000 >= UInt64(max(seconds, 0))
        }
    }

    /// A transaction is durable and its pushes are answered.
    func note(_ results: [[ItemResult]], of pushes: [PendingPush], tookNanoseconds: UInt64) {
        outage.ended()
        let now = WallClock.uptime
        state.withLock { state in
            state.movedAt = now
            state.figures.commits &+= 1
            state.figures.pushes &+= pushes.count
            state.figures.commit.observe(tookNanoseconds)
            for push in pushes { state.figures.push.observe(now &- min(now, push.arrivedAt)) }
            for result in results { state.figures.count(result) }
        }
        let milliseconds = tookNanoseconds / 1_000_000
        guard milliseconds > UInt64(max(limits.slowCommitMilliseconds, 0)) else { return }
        log.tell(
            .warning, "a commit was slow",
            ["milliseconds": "\(milliseconds)", "pushes": "\(pushes.count)", "lane": "\(number)"])
    }

    func noteFailure() {
        state.withLock { $0.figures.failures &+= 1 }
    }
}
