public import Reactor
public import Wire

/// Why a hub did not do what it was asked for.
public struct ClientError: Error, Sendable {
    public enum Cause: Sendable, Equatable {
        /// No connection: no address, nobody listening, broken off, silent.
        case unreachable
        /// Somebody answers, but not as a hub does.
        case notHub
        /// The key is missing, unknown, revoked, or not enough.
        case unauthorized
        /// There is nothing of that name.
        case notFound
        /// The hub cannot just now; later it may.
        case temporary
        /// The hub does not take this, now or later.
        case refused
    }

    public var cause: Cause
    /// The protocol's stable code, where the hub gave one.
    public var code: String?
    public var sentence: String
    /// What to do next.
    public var remedy: String?
    public var retryAfterMs: Int?
    /// Whether the same may go well later without anybody's help.
    public var mayRetry: Bool

    public init(
        _ cause: Cause, _ sentence: String, code: String? = nil, remedy: String? = nil, retryAfterMs: Int? = nil,
        mayRetry: Bool? = nil
    ) {
        self.cause = cause
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.retryAfterMs = retryAfterMs
        self.mayRetry = mayRetry ?? (cause == .unreachable || cause == .temporary)
    }

    /// An error frame.
    public init(_ frame: ErrorFrame) {
        let code = frame.code
        self.init(
            ClientError.cause(of: code), frame.message, code: code.rawValue, remedy: code.remedy,
            retryAfterMs: frame.retryAfterMs,
            mayRetry: code.closeCode.map { ErrorCode.mayReconnect(afterClose: $0) } ?? code.isRetryable)
    }

    public init(_ error: ReactorError) {
        self.init(.unreachable, error.description)
    }

    static func cause(of code: ErrorCode) -> Cause {
        switch code {
        case .unauthorized, .forbidden: .unauthorized
        case .notFound, .unknownDevice: .notFound
        default: code.isRetryable ? .temporary : .refused
        }
    }

    static func unreachable(_ url: HubURL, _ reason: String) -> ClientError {
        ClientError(
            .unreachable, "Cannot reach the hub at \(url): \(reason).",
            remedy: unreachableRemedy)
    }

    static let unreachableRemedy = "See that it runs (carillon serve) and that --url or CARILLON_URL is right."

    static func notHub(_ url: HubURL, _ reason: String) -> ClientError {
        ClientError(
            .notHub, "What answers at \(url) is not a Carillon hub: \(reason)",
            remedy: "See that --url or CARILLON_URL is right.")
    }
}
