public import Reactor
public import Wire

/// Why a hub did not do what it was asked for.
public struct ClientError: Error, Sendable {
    public enum Cause: Sendable, Equatable {
        /// No connection: no address, nobody listening, broken off, silent.
        case unreachable
        /// Somebody answers, but not as a hub does.
        case notHub
        /// Somebody answers who is not proved to be the hub, or no TLS can be had with him.
        case untrusted
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

    /// How a connection ended that was wanted.
    ///
    /// - Parameter isUnheard: it stood, and not a byte came from the other side.
    static func ended(_ url: HubURL, _ reason: CloseReason, isUnheard: Bool = false) -> ClientError {
        if case .tls(let error) = reason { return ClientError(error, at: url) }
        var error = ClientError.unreachable(url, HubLink.sentence(reason))
        if isUnheard, !url.isSecure { error.remedy = perhapsTLS }
        return error
    }

    /// TLS that failed, or that our own files do not allow.
    public init(_ error: TLSError, at url: HubURL) {
        switch error.cause {
        case .untrusted:
            self.init(
                .untrusted, "The hub at \(url) is not trusted. \(error.sentence)",
                remedy:
                    "Pass --ca FILE with the certificate of the hub's authority, which `carillon serve` names at its "
                    + "start, or --pin sha256/… of its key. The URL must have a name that the certificate has.")
        case .certificateWanted:
            self.init(
                .unauthorized, "The hub at \(url) does not let us in. \(error.sentence)",
                remedy: "Pass --cert FILE and --cert-key FILE with a certificate that it takes; "
                    + "`carillon tls issue USER DEVICE` makes one.")
        case .badFile, .keyMismatch: self.init(.refused, error.sentence, remedy: "See --ca, --cert and --cert-key.")
        case .protocolFailure:
            self.init(
                .untrusted, "No TLS with \(url). \(error.sentence)",
                remedy: "Where the hub speaks no TLS, its URL begins with http://.")
        }
    }

    private static let perhapsTLS = "Where the hub speaks TLS, its URL begins with https://."
    static let unreachableRemedy = "See that it runs (carillon serve) and that --url or CARILLON_URL is right."

    static func notHub(_ url: HubURL, _ reason: String) -> ClientError {
        ClientError(
            .notHub, "What answers at \(url) is not a Carillon hub: \(reason)",
            remedy: "See that --url or CARILLON_URL is right." + (url.isSecure ? "" : " " + perhapsTLS))
    }
}
