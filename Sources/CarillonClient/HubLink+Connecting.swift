internal import Causality
internal import Cryptography
internal import Glibc
internal import HTTP
internal import HTTPTypes
public import Reactor
internal import WebSocket
internal import Wire

/// From a name to a welcome.
extension HubLink {
    static let socketPath = "/v1/socket"

    func connect() {
        attempt += 1
        attemptedAt = loop.now
        phase = .resolving
        do throws(ClientError) {
            target = try configuration.url.target(configuration.tls)
        } catch {
            lose(error)
            return
        }
        let (attempt, address) = (attempt, loop.address)
        SocketAddress.resolve(host: configuration.url.host, port: configuration.url.port) { result in
            address.post(.resolved(attempt: attempt, result))
        }
    }

    func resolved(_ attempt: Int, _ result: Result<[SocketAddress], ReactorError>) {
        guard phase == .resolving, attempt == self.attempt else { return }
        switch result {
        case .failure(let error): lose(ClientError(error))
        case .success(let found):
            addresses = found
            addressIndex = 0
            phase = .connecting
            open(found[0])
        }
    }

    private func open(_ address: SocketAddress) {
        isHeard = false
        connection = loop.connect(to: address, options: ConnectOptions(tls: target))
    }

    func tryNextAddress(after reason: CloseReason) {
        addressIndex += 1
        // All of its addresses are one hub's: what is not trusted at the first is not at the next.
        if case .tls = reason { addressIndex = addresses.count }
        guard addressIndex < addresses.count else {
            lose(.ended(configuration.url, reason))
            return
        }
        open(addresses[addressIndex])
    }

    public func connected(_ id: ConnectionID) {
        guard id == connection, phase == .connecting else { return }
        phase = .upgrading
        parser = ResponseParser()
        refusal = nil
        webSocketKey = Handshake.key(nonce: Secret.random(count: 16))
        var fields = [("Host", configuration.url.authority)]
        fields += Handshake.requestFields(
            key: webSocketKey, subprotocols: [CarillonProtocol.subprotocol], deflate: deflateOffer)
        if !configuration.key.isEmpty { fields.append(("Authorization", "Bearer \(configuration.key)")) }
        fields.append(("User-Agent", configuration.client))
        var request: [UInt8] = []
        RequestWriter.append(
            method: "GET", target: HubLink.socketPath, fields: fields, body: nil, into: &request)
        loop.send(id, request)
    }

    public func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard id == connection else { return }
        heardAt = loop.now
        isHeard = true
        pingedAt = nil
        switch phase {
        case .upgrading: readAnswer(UnsafeRawBufferPointer(bytes))
        case .greeting, .open: readFrames(bytes)
        case .resolving, .connecting, .waiting, .ended: break
        }
    }

    private func readAnswer(_ bytes: UnsafeRawBufferPointer) {
        parser.receive(bytes)
        do throws(HTTPError) {
            while phase == .upgrading, let event = try parser.next() { take(event) }
        } catch {
            lose(.notHub(configuration.url, error.sentence))
            return
        }
        guard phase == .greeting else { return }
        // The hub says nothing before our hello, but a proxy may put bytes together as it likes.
        var remainder = parser.takeRemainder()
        if !remainder.isEmpty { remainder.withUnsafeMutableBytes { readFrames($0) } }
    }

    private func take(_ event: ResponseEvent) {
        switch event {
        case .head(let head) where head.status == 101: upgraded(head)
        case .head(let head): refusal = (head.status, HubLink.retryAfterMs(head), [])
        case .body(let bytes):
            // Problem details are a few hundred bytes; what a stranger answers is not worth more.
            if let count = refusal?.body.count, count < 65_536 { refusal?.body += bytes }
        case .end: refused()
        }
    }

    /// RFC 9110 10.2.3, in seconds only: a date is of a clock that is not ours. An hour at most.
    private static func retryAfterMs(_ head: ResponseHead) -> Int? {
        head.field(.retryAfter).flatMap { Int($0) }.map { min(max($0, 0), 3_600) * 1_000 }
    }

    private func refused() {
        guard let refusal else { return }
        var error = ClientError(status: refusal.status, body: refusal.body, url: configuration.url)
        // Of a proxy, or a hub's last word to somebody whom it never took in.
        error.retryAfterMs = error.retryAfterMs ?? refusal.retryAfterMs
        lose(error)
    }

    func upgradeClosed(_ reason: CloseReason) {
        if refusal != nil {
            refused()
        } else {
            lose(.ended(configuration.url, reason, isUnheard: !isHeard))
        }
    }

    private var deflateOffer: DeflateOffer? { configuration.offersCompression ? DeflateOffer() : nil }

    private func upgraded(_ head: ResponseHead) {
        let outcome: HandshakeOutcome
        do throws(HandshakeRefusal) {
            outcome = try Handshake.check(
                head, key: webSocketKey, subprotocols: [CarillonProtocol.subprotocol], deflate: deflateOffer)
            guard outcome.subprotocol == CarillonProtocol.subprotocol else {
                lose(.notHub(configuration.url, "it does not speak \(CarillonProtocol.subprotocol)."))
                return
            }
        } catch {
            lose(.notHub(configuration.url, error.sentence))
            return
        }
        var limits = WebSocketLimits()
        // An answer with stored versions is larger than the push that it answers.
        limits.messageBytesMax = 64 << 20
        limits.frameBytesMax = 64 << 20
        let seed = Secret.random(count: 8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        machine = WebSocketMachine(
            role: .client, limits: limits, deflate: outcome.deflate, shared: deflate, maskSeed: seed)
        phase = .greeting
        var payload: [UInt8] = []
        let hello = Hello(
            device: configuration.device, cursor: chain.cursor, kinds: configuration.kinds,
            namespaces: configuration.namespaces, live: configuration.isLive, client: configuration.client,
            space: configuration.space)
        ClientFrame.hello(hello).encode(into: &payload)
        send(payload: payload)
    }

    static func sentence(_ reason: CloseReason) -> String {
        switch reason {
        case .peerClosed: "it closed the connection"
        case .local: "the connection was closed on our side"
        case .failed(let code): String(cString: strerror(code)).lowercased()
        case .outboxFull: "it takes what we send too slowly"
        case .tls(let error): error.sentence
        }
    }
}
