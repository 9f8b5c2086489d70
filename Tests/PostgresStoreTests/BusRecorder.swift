import Foundation
import Storage

/// What a bus told, for tests that wait for it.
final class BusRecorder: @unchecked Sendable {
    // @unchecked: `events` is touched with `condition` locked.
    private let condition = NSCondition()
    private var events: [BusEvent] = []

    func record(_ event: BusEvent) {
        condition.lock()
        events.append(event)
        condition.broadcast()
        condition.unlock()
    }

    var all: [BusEvent] {
        condition.lock()
        defer { condition.unlock() }
        return events
    }

    var lines: [String] {
        all.compactMap { if case .message(let message) = $0 { message.line } else { nil } }
    }

    var connections: Int { all.count { $0 == .connected } }

    /// Waits until what was told so far is as wanted; false after `seconds`.
    func wait(seconds: Double = 20, until isMet: ([BusEvent]) -> Bool) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while !isMet(events) {
            guard condition.wait(until: deadline) else { return isMet(events) }
        }
        return true
    }

    func waitForConnection(_ number: Int = 1) -> Bool {
        wait { events in events.count { $0 == .connected } >= number }
    }

    func waitForLine(_ line: String) -> Bool {
        wait { $0.contains(.message(BusMessage(line: line))) }
    }
}
