internal import HTTP
internal import HTTPTypes
internal import Reactor
internal import Wire

/// Sites whose pages may ask this hub from a browser (Fetch Standard, 3.2 "CORS protocol"; RFC 6455 10.2).
///
/// A browser says in `Origin` whose page asks, on every WebSocket and on every request that is not of its own site; other
/// programs say nothing, and go on. Keys come in header fields that a page sets by itself: cookies are never asked for.
/// But a certificate, a loopback address and a firewall open by themselves what a page of any site could ask for, so
/// who is not allowed is refused before anything is done.
struct Origins: Sendable {
    /// How long a browser keeps the answer to a preflight: as long as a key that was revoked could matter to nobody,
    /// short enough that a hub started with other sites is noticed.
    private static let preflightSeconds = 600
    private static let requestFields = "Authorization, Content-Type, X-API-Key, X-Device-Id"
    private static let ownRequestFields = requestFields + ", X-Carillon-Device, Idempotency-Key, Last-Event-ID"
    private static let answerFields = "Retry-After"
    private static let any = "*"

    /// Why a request is not answered.
    enum Refusal: Equatable {
        /// The page is of a site that was not named.
        case otherSite
        /// The page calls this hub by a name that may be anybody's, over a loopback address: a site whose name was
        /// made to lead here while its page was open (DNS rebinding).
        case unknownName
    }

    private let own: Set<String>
    private let dialects: Set<String>
    private let isTLS: Bool
    private let isLoopback: Bool

    init(_ configuration: HubConfiguration) {
        own = Set(configuration.origins)
        dialects = Set(configuration.dialectOrigins)
        isTLS = configuration.tls != nil
        isLoopback = configuration.address.isLoopback
    }

    /// Nil where the request may be answered.
    func refusal(_ head: RequestHead, _ lookup: DialectTable.Lookup) -> Refusal? {
        let origins = head.request.headerFields[values: .origin]
        guard let origin = origins.first else { return isForged(head) ? .otherSite : nil }
        // RFC 6454 7.3: one. Of two that differ, who reads the other one is fooled.
        guard origins.count == 1 else { return .otherSite }
        if isListed(origin, lookup) { return nil }
        guard let site = Site(origin), site.isTLS || !isTLS, let authority = head.request.authority,
            site.isSame(as: authority)
        else { return .otherSite }
        // A page that came by TLS to a hub without is of a proxy before it, whose certificate vouches for the name.
        guard isLoopback, !isTLS, !site.isTLS, !site.isOfThisMachine else { return nil }
        return .unknownName
    }

    /// A browser that keeps `Origin` to itself says at least that another site's page asks. What only reads goes on: no
    /// page is shown the answer.
    private func isForged(_ head: RequestHead) -> Bool {
        switch head.request.method {
        case .get, .head, .options: false
        default: HTTPField.Name("Sec-Fetch-Site").flatMap { head.field($0) } == "cross-site"
        }
    }

    /// The answer to a browser that asks whether a page may send what it wants to; nil where the request is another, or
    /// of a page of a site that was not named: then OPTIONS is no method here, and the browser gives up.
    func preflight(_ head: RequestHead, _ lookup: DialectTable.Lookup) -> RESTAnswer? {
        guard head.request.method == .options, head.field(.accessControlRequestMethod) != nil,
            allowed(head, lookup) != nil
        else { return nil }
        let methods: [String]
        switch lookup {
        case .refused(_, .methodNotAllowed(let allowed)): methods = allowed
        case .none: methods = Route.methods(of: head.path, in: RESTRoutes.table).map(\.rawValue)
        case .found, .refused: return nil
        }
        guard !methods.isEmpty else { return nil }
        var answer = RESTAnswer.done
        var fields = Origins.requestFields
        if case .none = lookup { fields = Origins.ownRequestFields }
        answer.fields += [
            ("Access-Control-Allow-Methods", methods.joined(separator: ", ")),
            ("Access-Control-Allow-Headers", fields),
            ("Access-Control-Max-Age", String(Origins.preflightSeconds)),
        ]
        return answer
    }

    /// What every answer says besides; nothing where no site may ask.
    func fields(_ head: RequestHead, _ lookup: DialectTable.Lookup) -> [(String, String)] {
        guard !sites(lookup).isEmpty else { return [] }
        let vary = ("Vary", "Origin")
        guard let origin = allowed(head, lookup) else { return [vary] }
        return [
            vary, ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", Origins.answerFields),
        ]
    }

    private func allowed(_ head: RequestHead, _ lookup: DialectTable.Lookup) -> String? {
        head.field(.origin).flatMap { isListed($0, lookup) ? $0 : nil }
    }

    private func isListed(_ origin: String, _ lookup: DialectTable.Lookup) -> Bool {
        let sites = sites(lookup)
        return sites.contains(Origins.any) || sites.contains(origin)
    }

    /// Those of the hub's own paths may ask the dialects' too: they hold the same keys.
    private func sites(_ lookup: DialectTable.Lookup) -> Set<String> {
        if case .none = lookup { own } else { own.union(dialects) }
    }
}

extension Origins.Refusal {
    /// What happened, and what whoever runs the hub can do; nothing of what the peer said.
    var sentence: String {
        switch self {
        case .otherSite: "a page of another site may not ask this hub; its operator allows it with --origin"
        case .unknownName:
            "a page may not ask a hub on a loopback address by another name than localhost; the hub's operator allows "
                + "it with --origin"
        }
    }
}
