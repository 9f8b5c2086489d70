internal import Foundation
internal import Logging

/// swift-log's way to a ``LogSink``: each event becomes one line.
struct LogLineHandler: LogHandler {
    let label: String
    let format: LogFormat
    let sink: LogSink
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    /// Characters of a message or a value that are kept: an error may quote what a peer sent.
    static let valueCharactersMax = 4_096

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var pairs = metadata
        if let own = event.metadata { pairs.merge(own) { $1 } }
        if let error = event.error { pairs["error"] = "\(error)" }
        let cut = pairs.mapValues { Logger.MetadataValue.string(LogLineHandler.cut($0.description)) }
        sink.take(
            format.line(
                at: LogLineHandler.now, event.level, label: label, LogLineHandler.cut(event.message.description), cut))
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= valueCharactersMax ? text : String(text.prefix(valueCharactersMax)) + "…"
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
