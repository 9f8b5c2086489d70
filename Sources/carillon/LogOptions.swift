internal import ArgumentParser
internal import Foundation
internal import Hub
internal import Logging

/// What a hub says of itself while it runs.
struct LogOptions: ParsableArguments {
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case trace, debug, info, notice, warning, error

        var level: Logger.Level {
            switch self {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
        }
    }

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case auto, text, json

        var format: LogFormat {
            switch self {
            case .auto: Terminal.errorIsTerminal ? .text : .json
            case .text: .text
            case .json: .json
            }
        }
    }

    @Option(help: "How much to log, on standard error.")
    var logLevel = Level.info
    @Option(help: "How lines of the log are written; auto is text on a terminal and JSON otherwise.")
    var logFormat = Format.auto

    /// Logs to standard error from now on.
    ///
    /// - Returns: where the lines go, to be finished at the end.
    func begin() -> LogSink {
        let (level, format) = (logLevel.level, logFormat.format)
        let sink = LogSink(descriptor: STDERR_FILENO) { leftOut in
            let now = Int64(Date().timeIntervalSince1970 * 1e6)
            return format.line(
                at: now, .warning, label: "carillon", "lines of the log were left out: standard error was not read",
                ["lines": "\(leftOut)"])
        }
        LoggingSystem.bootstrap {
            CleanLogHandler(LogLineHandler(label: $0, format: format, sink: sink, logLevel: level))
        }
        return sink
    }

    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {}
}
