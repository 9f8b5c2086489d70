internal import Dispatch
internal import Logging

/// Tells systemd at half of its watchdog's time that we are alive, while we are: silence has us restarted.
final class Watchdog {
    private let timer: any DispatchSourceTimer

    /// - Parameter isAlive: blocks for at most as many milliseconds as it is given.
    init?(_ notice: ServiceNotice, log: Logger, isAlive: @escaping @Sendable (_ milliseconds: Int) -> Bool) {
        guard let microseconds = notice.watchdogMicroseconds else { return nil }
        let half = Int(clamping: microseconds / 2_000)
        // Half of the half for the look: the message is still in time for the next.
        let patience = max(half / 2, 1)
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "carillon.watchdog", qos: .userInitiated))
        timer.setEventHandler {
            if isAlive(patience) {
                notice.tell("WATCHDOG=1")
            } else {
                log.error(
                    "an event loop or a commit hangs; the watchdog is not told",
                    metadata: ["milliseconds": "\(patience)"])
            }
        }
        timer.schedule(deadline: .now(), repeating: .milliseconds(max(half, 1)))
        timer.resume()
    }

    deinit { timer.cancel() }
}
