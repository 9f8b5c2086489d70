import Logging
import Reactor

/// What a hub logs.
struct LogLines: LogHandler {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: [String: String]
    }

    private let lines = Guarded<[Line]>([])
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]

    var all: [String] { lines.withLock { $0.map(\.message) } }

    func named(_ message: String) -> [Line] { lines.withLock { $0.filter { $0.message == message } } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = Line(
            level: event.level, message: "\(event.message)",
            metadata: (event.metadata ?? [:]).mapValues(\.description))
        lines.withLock { $0.append(line) }
    }
}
