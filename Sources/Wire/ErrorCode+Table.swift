/// What a code means to a peer. `Protocol/PROTOCOL.md` 9 prints this table.
public struct ErrorEntry: Sendable, Equatable {
    /// What happened.
    public let sentence: String
    /// What to do next.
    public let remedy: String
    /// Whether the very same request may succeed later.
    public let isRetryable: Bool
    public let httpStatus: Int
    /// The WebSocket close code when the session ends with it: 4000 to 4499 reconnect, 4500 to 4999 do not.
    public let closeCode: UInt16?
    /// Whether the session ends with it.
    public let isFatal: Bool

    init(
        _ sentence: String, _ remedy: String, http: Int, close: UInt16? = nil, retry: Bool = false, fatal: Bool = false
    ) {
        self.sentence = sentence
        self.remedy = remedy
        isRetryable = retry
        httpStatus = http
        closeCode = close
        isFatal = fatal
    }
}

extension ErrorCode {
    public var sentence: String { entry.sentence }
    public var remedy: String { entry.remedy }
    public var isRetryable: Bool { entry.isRetryable }
    public var httpStatus: Int { entry.httpStatus }
    public var closeCode: UInt16? { entry.closeCode }
    public var isFatal: Bool { entry.isFatal }

    /// Whether a device may connect again by itself after a close with `closeCode`.
    ///
    /// RFC 6455 7.4: codes under 4000 are the protocol's; of these only 1002, 1003, 1007, 1008, 1009 and 1010 blame
    /// the device, and trying the same again would not help.
    public static func mayReconnect(afterClose closeCode: UInt16) -> Bool {
        switch closeCode {
        case 4500...4999, 1002, 1003, 1007, 1008, 1009, 1010: false
        default: true
        }
    }

    public var entry: ErrorEntry {
        switch self {
        case .badJSON:
            ErrorEntry(
                "The message is not JSON.", "Send one JSON object in UTF-8. Nothing of this message was used.",
                http: 400, close: 4500)
        case .tooDeep:
            ErrorEntry(
                "Values are nested too deep.", "Flatten the body to the `depth_max` of the welcome.", http: 422,
                close: 4501)
        case .loneSurrogate:
            ErrorEntry(
                "A string holds half of a surrogate pair.",
                "Replace the lone escape by U+FFFD, or cut text between whole characters.", http: 422, close: 4502)
        case .tooLarge:
            ErrorEntry(
                "The message, its body or its list is over a limit.",
                "Split it; the limits are in the welcome and in GET /v1/status.", http: 413, close: 4503)
        case .badRequest:
            ErrorEntry(
                "The bytes are no HTTP request that the hub takes.",
                "Correct what the detail names; it is of the request's head, or of how its body is framed.", http: 400)
        case .badFrame:
            ErrorEntry(
                "The message is JSON, but no frame.", "Send an object with a `type`, as text, not binary.", http: 400,
                close: 4504)
        case .unknownFrame:
            ErrorEntry(
                "The hub does not know this type of frame.", "Check the spelling and the subprotocol's version.",
                http: 400, close: 4505)
        case .badField:
            ErrorEntry("A field has the wrong type or value.", "Correct the field that the message names.", http: 422)
        case .missingField:
            ErrorEntry("A field is missing.", "Add the field that the message names.", http: 422)
        case .badID:
            ErrorEntry(
                "A name is empty, too long or holds a control character.",
                "Use 1 to 256 bytes of UTF-8 without control characters.", http: 422)
        case .badClock:
            ErrorEntry(
                "A clock is not a map of replicas to counters.",
                "Send 1 to 1,000 replicas with whole counters from 0 to 2^53, one of them over 0.", http: 422)
        case .badEmbedding:
            ErrorEntry(
                "An embedding is not a list of finite numbers.",
                "Send at most 8,192 numbers that a 32-bit float holds, or leave the field out.", http: 422)
        case .badCursor:
            ErrorEntry(
                "The cursor is not one of ours.",
                "Send a cursor just as the hub gave it, of the same space; without one, reading begins anew.",
                http: 400)
        case .duplicateRecord:
            ErrorEntry(
                "An atomic push names one record twice.", "Send the later version only, or two pushes.", http: 422)
        case .tooManyItems:
            ErrorEntry("The push has too many changes.", "Split it at `changes_per_push_max`.", http: 413)
        case .helloRequired:
            ErrorEntry(
                "A frame came before the hello.", "Begin the session with a hello.", http: 400, close: 4510, fatal: true
            )
        case .helloRepeated:
            ErrorEntry(
                "The session has had its hello.", "Open another connection for another device or filter.", http: 400,
                close: 4511)
        case .helloTimeout:
            ErrorEntry(
                "No hello came in time.", "Connect again and send the hello at once.", http: 408, close: 4010,
                retry: true, fatal: true)
        case .unsupportedProtocol:
            ErrorEntry(
                "The hub does not speak this version of the protocol.",
                "Use a version that the message names; update the older side.", http: 400, close: 4512, fatal: true)
        case .unauthorized:
            ErrorEntry(
                "The API key is missing, unknown or revoked.",
                "Send `Authorization: Bearer KEY`, `X-API-Key`, or `key` in the hello; make one with `carillon key create`.",
                http: 401, close: 4520, fatal: true)
        case .forbidden:
            ErrorEntry(
                "The key does not allow this.", "Use a key of the user who owns the space.", http: 403, close: 4521,
                fatal: true)
        case .originNotAllowed:
            ErrorEntry(
                "Pages of this site may not use the hub from a browser.",
                "Have whoever runs the hub allow the site: `carillon serve --origin URL`.", http: 403)
        case .keyInURL:
            ErrorEntry(
                "A key is in the URL, where logs and histories keep it.",
                "Send it as `Authorization: Bearer KEY`, or as `key` in the hello; make another one in place of this one, which others may have read.",
                http: 400)
        case .unknownDevice:
            ErrorEntry(
                "The user has no device of this name.", "Register it with POST /v1/devices, then connect again.",
                http: 404, close: 4522, fatal: true)
        case .deviceLimit:
            ErrorEntry(
                "The user has as many devices as the tier allows.",
                "Remove one with `carillon device remove`, or ask whoever runs the hub for another tier.", http: 403,
                close: 4524, fatal: true)
        case .resync:
            ErrorEntry(
                "The log does not reach back to this cursor: it began anew or was compacted past it.",
                "Forget the cursor, read from the beginning, and push again what the hub turns out not to have.",
                http: 410, close: 4020)
        case .siblingLimit:
            ErrorEntry(
                "The record has as many unresolved siblings as it may.",
                "Resolve them: push one change whose `supersedes` names their clocks.", http: 409)
        case .recordLimit:
            ErrorEntry(
                "The space holds as many records as the tier allows.",
                "Delete some, or ask whoever runs the hub for another tier; then push again.", http: 403)
        case .unknownVersion:
            ErrorEntry(
                "The record has no stored version of this clock.",
                "Read the record again and name the versions that it has now; beside `keep`, a `hash` tells two of one clock apart.",
                http: 409)
        case .atomicAborted:
            ErrorEntry(
                "Another item of the atomic push was not accepted; nothing of it was written.",
                "See the other items' verdicts, correct them, push all again.", http: 409)
        case .notFound:
            ErrorEntry("There is nothing here.", "Check the path, and that the record is in your space.", http: 404)
        case .methodNotAllowed:
            ErrorEntry("The resource has no such method.", "Use a method that the Allow header names.", http: 405)
        case .storageFull:
            ErrorEntry(
                "The hub's disk is full: nothing was written, reading goes on.",
                "Keep the changes and push them again later; tell whoever runs the hub.", http: 507, close: 4030,
                retry: true)
        case .storeUnavailable:
            ErrorEntry(
                "The hub's store cannot be reached just now.", "Push the same again after `retry_after_ms`.",
                http: 503, close: 4031, retry: true)
        case .overloaded:
            ErrorEntry(
                "The hub has more work than it can hold.", "Slow down; send again after `retry_after_ms`.", http: 503,
                close: 4032, retry: true)
        case .rateLimited:
            ErrorEntry(
                "Too many requests in a short time.", "Send again after `retry_after_ms`.", http: 429, close: 4033,
                retry: true)
        case .shuttingDown:
            ErrorEntry(
                "The hub stops or restarts.", "Connect again after `reconnect_after_ms`, your own jitter on top.",
                http: 503, close: 4000, retry: true, fatal: true)
        case .replaced:
            ErrorEntry(
                "A later session of the same device took this one's place.",
                "Leave it: this process is not the device's only one.", http: 409, close: 4523, fatal: true)
        case .internal:
            ErrorEntry(
                "The hub made a mistake.", "Try again; report the session's name if it comes back.", http: 500,
                close: 4040, retry: true)
        }
    }
}
