internal import Foundation
internal import HTTP
internal import HTTPTypes
internal import Wire

/// What is looked at of a request's head before anything else is: who sent it here, and where its key is.
extension HubShard {
    /// The answer to a request that goes no further; nil where it may. A key that may be in the URL is taken out of it.
    func refusal(of head: inout RequestHead, _ connection: Connection, _ http: HTTPExchange) -> RESTAnswer? {
        if let refusal = core.origins.refusal(head, http.lookup) {
            core.count(.origin, connection.logMetadata)
            if let dialect = http.lookup.dialect { return RESTAnswer(dialect.answer(to: .forbidden(refusal.sentence))) }
            return RESTAnswer(Problem(code: .originNotAllowed, detail: refusal.sentence))
        }
        // The dialects' protocols say themselves where their keys are.
        guard case .none = http.lookup, let name = head.keyParameter else { return nil }
        let isSocketOrEvents = head.path == HubShard.socketPath || head.path == HubShard.changesPath
        if core.configuration.allowsKeyInURL, name == "key", isSocketOrEvents {
            head.takeKeyOutOfURL()
            return nil
        }
        core.count(.keyInURL, connection.logMetadata)
        // Not what it was: that would be in one more place.
        return RESTAnswer(Problem(code: .keyInURL, detail: "the query holds a key, as \(name)"))
    }
}

extension DialectTable.Lookup {
    var dialect: (any Dialect)? {
        switch self {
        case .none: nil
        case .found(let match): match.dialect
        case .refused(let dialect, _): dialect
        }
    }
}

extension RequestHead {
    /// Names under which people put keys into URLs.
    private static let keyNames: Set<String> = [
        "key", "api_key", "apikey", "api-key", "token", "access_token", "auth", "authorization", "password", "secret",
    ]

    /// The first parameter of the query that is named as a key is, by that name.
    var keyParameter: String? {
        guard let query else { return nil }
        for pair in query.split(separator: "&") {
            let name = String(pair.prefix { $0 != "=" })
            let plain = (name.removingPercentEncoding ?? name).lowercased()
            if let known = RequestHead.keyNames.first(where: { $0 == plain }) { return known }
        }
        return nil
    }

    /// Makes `?key=` an `Authorization` field, unless there is a key in the fields, which wins; from here on it is in
    /// nothing that could be logged.
    mutating func takeKeyOutOfURL() {
        let value = (try? parameter("key")) ?? nil
        let rest = (query ?? "").split(separator: "&").filter { pair in
            let name = String(pair.prefix { $0 != "=" })
            return (name.removingPercentEncoding ?? name).lowercased() != "key"
        }
        query = rest.isEmpty ? nil : rest.joined(separator: "&")
        request.path = path + (query.map { "?" + $0 } ?? "")
        if apiKey == nil, field(.authorization) == nil, let value, APIKey(value) != nil {
            request.headerFields[.authorization] = "Bearer " + value
        }
    }
}
