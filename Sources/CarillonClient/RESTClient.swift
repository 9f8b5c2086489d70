public import Causality
internal import Cryptography
internal import Glibc
internal import HTTP
internal import HTTPTypes
public import Reactor
internal import WebSocket
internal import Wire

/// One request, one answer, over the same event loop as everything else. Blocks the thread that asks.
public struct RESTClient: Sendable {
    public struct Answer: Sendable {
        public var status: Int
        public var body: [UInt8]
    }

    public var url: HubURL
    /// Empty: a certificate says who we are.
    public var key: String
    /// For a URL with TLS: whom we trust, and our certificate. Nil: the system's authorities.
    public var tls: TLSClient?
    public var client = "carillon-client"
    /// Which space is asked for, `team:NAME` or `user:NAME`; nil: the user's own.
    public var space: Identifier?
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
        _ method: String, _ path: [String], _ query: [(String, String)], _ json: [UInt8]? = nil,
        _ more: [(String, String)] = [], accept: String = "application/json"
    ) -> [UInt8] {
        var target = "/" + path.map(PercentEncoding.encode).joined(separator: "/")
        let query = query + (space.map { [("space", $0.text)] } ?? [])
        if !query.isEmpty {
            let pairs = query.map { PercentEncoding.encode($0.0) + "=" + PercentEncoding.encode($0.1) }
            target += "?" + pairs.joined(separator: "&")
        }
        var fields = [
            ("Host", url.authority), ("User-Agent", client), ("Accept", accept), ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
        ]
        fields += authorization + more
        if json != nil { fields.append(("Content-Type", "application/json")) }
        var bytes: [UInt8] = []
        RequestWriter.append(method: method, target: target, fields: fields, body: json, into: &bytes)
        return bytes
    }

    private var authorization: [(String, String)] { key.isEmpty ? [] : [("Authorization", "Bearer \(key)")] }

    private func exchange(_ request: [UInt8]) throws(ClientError) -> Answer {
        try exchange(request, RESTOutcome(url: url))
    }

    private func exchange(_ request: [UInt8], _ outcome: RESTOutcome) throws(ClientError) -> Answer {
        let target = try url.target(tls)
        let addresses: [SocketAddress]
        do throws(ReactorError) {
            addresses = try SocketAddress.resolveBlocking(
                host: url.host, port: url.port, timeoutSeconds: timeoutSeconds)
        } catch {
            throw ClientError(.unreachable, error.description, remedy: ClientError.unreachableRemedy)
        }
        var limits = HTTPLimits()
        limits.bodyBytesMax = outcome.sink == nil ? bodyBytesMax : .max
        do throws(ReactorError) {
            let loop = try EventLoop<RESTExchange> { loop in
                let exchange = RESTExchange(loop, addresses, target, request, limits, outcome)
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

extension RESTClient {
    /// Gets an answer of any length: `sink` has its body's runs as they come, and slows the hub down while it works.
    ///
    /// `timeoutSeconds` is how long the hub may be silent. What `sink` throws ends the exchange and is thrown on.
    /// - Throws: ``ClientError`` for every answer but 2xx, and for one that breaks off.
    public func stream(
        _ path: [String], query: [(String, String)], accept: String,
        into sink: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let outcome = RESTOutcome(url: url)
        outcome.sink = sink
        let answer: Answer
        do throws(ClientError) {
            answer = try exchange(request("GET", path, query, accept: accept), outcome)
        } catch {
            throw outcome.sinkError ?? error
        }
        guard (200..<300).contains(answer.status) else {
            throw ClientError(status: answer.status, body: answer.body, url: url)
        }
    }

    /// What comes of asking for a WebSocket and ending it at once: 101 with the protocol's own answer, or the status of
    /// whoever refused. No hello is said, so no device is touched.
    public func upgradeStatus() throws(ClientError) -> Int {
        let key = Handshake.key(nonce: Secret.random(count: 16))
        var fields = [("Host", url.authority), ("User-Agent", client)] + authorization
        fields += Handshake.requestFields(key: key, subprotocols: [CarillonProtocol.subprotocol])
        var bytes: [UInt8] = []
        RequestWriter.append(method: "GET", target: HubLink.socketPath, fields: fields, body: nil, into: &bytes)
        let outcome = RESTOutcome(url: url)
        outcome.isUpgrade = true
        return try exchange(bytes, outcome).status
    }
}

/// What an exchange came to, for whoever waits for its loop's end.
final class RESTOutcome {
    let url: HubURL
    var result: Result<RESTClient.Answer, ClientError>
    /// Takes the body of a 2xx answer, where it is not to be held in memory.
    var sink: ((UnsafeRawBufferPointer) throws -> Void)?
    var sinkError: (any Error)?
    /// 101 is what is asked for, and nothing follows it.
    var isUpgrade = false

    init(url: HubURL) {
        self.url = url
        result = .failure(.unreachable(url, "the exchange did not end"))
    }
}
