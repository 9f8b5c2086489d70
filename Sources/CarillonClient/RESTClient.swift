internal import Glibc
internal import HTTP
internal import HTTPTypes
internal import Reactor

/// One request, one answer, over the same event loop as everything else. Blocks the thread that asks.
public struct RESTClient: Sendable {
    public struct Answer: Sendable {
        public var status: Int
        public var body: [UInt8]
    }

    public var url: HubURL
    public var key: String
    public var client = "carillon-client"
    /// Seconds that a whole exchange may take.
    public var timeoutSeconds = 30
    /// Largest answer. 64 MiB: a page has 8 MiB and one body more.
    public var bodyBytesMax = 64 << 20

    public init(url: HubURL, key: String) {
        self.url = url
        self.key = key
    }

    public func get(_ path: [String], query: [(String, String)] = []) throws(ClientError) -> [UInt8] {
        try send("GET", path, query: query, json: nil)
    }

    /// - Parameter fields: header fields beside the client's own, as `X-Carillon-Device`.
    public func post(
        _ path: [String], json: [UInt8], fields: [(String, String)] = []
    ) throws(ClientError) -> [UInt8] {
        try send("POST", path, json: json, fields: fields)
    }

    public func delete(_ path: [String]) throws(ClientError) {
        _ = try send("DELETE", path)
    }

    /// - Throws: for every answer but 2xx, with the hub's code and remedy.
    public func send(
        _ method: String, _ path: [String], query: [(String, String)] = [], json: [UInt8]? = nil,
        fields: [(String, String)] = []
    ) throws(ClientError) -> [UInt8] {
        let answer = try exchange(request(method, path, query, json, fields))
        guard (200..<300).contains(answer.status) else {
            throw ClientError(status: answer.status, body: answer.body, url: url)
        }
        return answer.body
    }

    private func request(
        _ method: String, _ path: [String], _ query: [(String, String)], _ json: [UInt8]?,
        _ more: [(String, String)]
    ) -> [UInt8] {
        var target = "/" + path.map(PercentEncoding.encode).joined(separator: "/")
        if !query.isEmpty {
            let pairs = query.map { PercentEncoding.encode($0.0) + "=" + PercentEncoding.encode($0.1) }
            target += "?" + pairs.joined(separator: "&")
        }
        var fields = [
            ("Host", url.authority), ("Authorization", "Bearer \(key)"), ("User-Agent", client),
            ("Accept", "application/json"), ("Connection", "close"),
        ]
        fields += more
        if json != nil { fields.append(("Content-Type", "application/json")) }
        var bytes: [UInt8] = []
        RequestWriter.append(method: method, target: target, fields: fields, body: json, into: &bytes)
        return bytes
    }

    private func exchange(_ request: [UInt8]) throws(ClientError) -> Answer {
        let addresses: [SocketAddress]
        do throws(ReactorError) {
            addresses = try SocketAddress.resolveBlocking(host: url.host, port: url.port)
        } catch {
            throw ClientError(error)
        }
        var limits = HTTPLimits()
        limits.bodyBytesMax = bodyBytesMax
        let outcome = RESTOutcome(url: url)
        do throws(ReactorError) {
            let loop = try EventLoop<RESTExchange> { loop in
                let exchange = RESTExchange(loop, addresses, request, limits, outcome)
                exchange.start(timeoutSeconds: timeoutSeconds)
                return exchange
            }
            loop.runUntilStopped()
        } catch {
            throw ClientError(error)
        }
        return try outcome.result.get()
    }
}

/// What an exchange came to, for whoever waits for its loop's end.
final class RESTOutcome {
    let url: HubURL
    var result: Result<RESTClient.Answer, ClientError>

    init(url: HubURL) {
        self.url = url
        result = .failure(.unreachable(url, "the exchange did not end"))
    }
}
