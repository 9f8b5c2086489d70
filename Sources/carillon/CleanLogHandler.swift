internal import Logging
internal import Wire

/// Lets no line out that holds a secret, or that a peer could have written instead of us.
struct CleanLogHandler: LogHandler {
    private var handler: any LogHandler

    init(_ handler: any LogHandler) {
        self.handler = handler
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue.map(CleanLogHandler.clean) }
    }

    func log(event: LogEvent) {
        var event = event
        // Handlers write it as it is.
        let error = event.error.map { ": \($0)" } ?? ""
        event.error = nil
        event.message = "\(LineText.logged(event.message.description + error))"
        event.metadata = event.metadata?.mapValues(CleanLogHandler.clean)
        handler.log(event: event)
    }

    private static func clean(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        .string(LineText.logged(value.description))
    }
}
