internal import Logging
internal import Reactor

/// Lines of the log that come as often as peers like: so many a second, and then a line that tells how many were left
/// out.
final class LogAllowance: Sendable {
    private struct State {
        var second: UInt64 = 0
        var told = 0
        var leftOut = 0
    }

    private let log: Logger
    private let linesPerSecondMax: Int
    private let state = Guarded(State())

    init(_ log: Logger, linesPerSecondMax: Int) {
        self.log = log
        self.linesPerSecondMax = linesPerSecondMax
    }

    /// - Parameter now: uptime in nanoseconds.
    func tell(
        _ level: Logger.Level, _ message: Logger.Message, now: UInt64 = WallClock.uptime,
        _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        guard log.logLevel <= level else { return }
        let second = now / 1_000_000_000
        let (isTold, leftOut) = state.withLock { state -> (Bool, Int) in
            if state.second != second { (state.second, state.told) = (second, 0) }
            guard state.told < linesPerSecondMax else {
                state.leftOut += 1
                return (false, 0)
            }
            state.told += 1
            defer { state.leftOut = 0 }
            return (true, state.leftOut)
        }
        guard isTold else { return }
        if leftOut > 0 { log.notice("lines of the log were left out", metadata: ["lines": "\(leftOut)"]) }
        log.log(level: level, message, metadata: metadata())
    }

    /// Tells of what was left out last, when nothing comes after it.
    func tellRest() {
        let leftOut = state.withLock { state in
            defer { state.leftOut = 0 }
            return state.leftOut
        }
        if leftOut > 0 { log.notice("lines of the log were left out", metadata: ["lines": "\(leftOut)"]) }
    }
}
