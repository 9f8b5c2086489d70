internal import Compression
internal import HTTP
internal import Wire

/// The HTTP side of a connection. A WebSocket has none: these 600 bytes are not kept for an idle device.
final class HTTPExchange {
    var parser: RequestParser
    var request: RequestHead?
    /// Whose it is, of the dialects.
    var lookup = DialectTable.Lookup.none
    var requestBody: [UInt8] = []
    /// Of a body that comes as gzip; nil once it is whole.
    var inflater: Inflater?
    /// The body that is coming in, where it is long; the answer's that is going out, where that is.
    var incoming: IncomingBody?
    var outgoing: OutgoingBody?
    /// When the request that is coming in began; nil between requests.
    var requestBegunAt: UInt64?
    /// A request is with a route; the next one waits.
    var isAnswering = false
    /// Bytes that came behind the request that is being answered.
    var heldInput: [UInt8] = []
    /// Whether it has had an answer: then it may rest between requests.
    var hasAsked = false
    /// Whether it counts among all requests that are in flight.
    var isCounted = false
    /// Hash of the key among whose requests this one counts.
    var countedKey: Int?
    /// The answer that goes on; nil outside of ``Connection/Phase/stream``.
    var stream: HTTPStream?

    var match: DialectTable.Match? {
        if case .found(let match) = lookup { match } else { nil }
    }

    init(limits: HTTPLimits) {
        parser = RequestParser(limits: limits)
    }
}

/// What a WebSocket has said of itself, until it is known to be good.
final class Greeting {
    /// The key of the upgrade request's header, for a hello that names none.
    let headerKey: String?
    var hello: Hello?

    init(headerKey: String?) {
        self.headerKey = headerKey
    }
}
