internal import Wire

extension DialectError {
    /// What the hub would tell a client of its own.
    init(_ frame: ErrorFrame) {
        let pause = frame.retryAfterMs ?? 1_000
        switch frame.code {
        case .unauthorized: self = .unauthorized
        case .forbidden, .deviceLimit: self = .forbidden(frame.message)
        case .storageFull: self = .storageFull
        case .storeUnavailable: self = .unavailable(retryAfterMs: pause)
        case .overloaded, .rateLimited: self = .overloaded(retryAfterMs: pause)
        case .shuttingDown: self = .shuttingDown
        case .internal: self = .internal
        default: self = .badRequest(frame.message)
        }
    }
}
