/// Every error that a peer can see. Stable: a code is never given another meaning.
public enum ErrorCode: String, Sendable, CaseIterable {
    // The bytes.
    case badJSON = "bad_json"
    case tooDeep = "too_deep"
    case loneSurrogate = "lone_surrogate"
    case tooLarge = "too_large"
    case badRequest = "bad_request"
    // The frame or the item.
    case badFrame = "bad_frame"
    case unknownFrame = "unknown_frame"
    case badField = "bad_field"
    case missingField = "missing_field"
    case badID = "bad_id"
    case badClock = "bad_clock"
    case badEmbedding = "bad_embedding"
    case badCursor = "bad_cursor"
    case duplicateRecord = "duplicate_record"
    case tooManyItems = "too_many_items"
    // The session and who it is.
    case helloRequired = "hello_required"
    case helloRepeated = "hello_repeated"
    case helloTimeout = "hello_timeout"
    case unsupportedProtocol = "unsupported_protocol"
    case unauthorized
    case forbidden
    case originNotAllowed = "origin_not_allowed"
    case keyInURL = "key_in_url"
    case unknownDevice = "unknown_device"
    case deviceLimit = "device_limit"
    // The state of the data.
    case resync
    case siblingLimit = "sibling_limit"
    case recordLimit = "record_limit"
    case unknownVersion = "unknown_version"
    case atomicAborted = "atomic_aborted"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    // The state of the hub.
    case storageFull = "storage_full"
    case storeUnavailable = "store_unavailable"
    case overloaded
    case rateLimited = "rate_limited"
    case shuttingDown = "shutting_down"
    case replaced
    case `internal`
}
