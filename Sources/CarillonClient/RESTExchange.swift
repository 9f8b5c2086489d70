internal import Compression
internal import HTTP
internal import HTTPTypes
internal import Reactor

/// Connects, sends a request, reads one answer, stops its loop.
final class RESTExchange: LoopHandler {
    typealias Mail = Never

    private let loop: EventLoop<RESTExchange>
    private let addresses: [SocketAddress]
    private let target: TLSTarget?
    private let request: [UInt8]
    private let outcome: RESTOutcome
    private var parser: ResponseParser
    private let bodyBytesMax: Int
    /// Of an answer that comes as gzip.
    private var inflater: Inflater?
    private var addressIndex = 0
    private var connection: ConnectionID?
    private var isConnected = false
    private var isDone = false
    private var status = 0
    private var body: [UInt8] = []
    private var timeoutSeconds = 0
    private var isUnheard = true
    /// Since the timer was set.
    private var wasHeard = false

    init(
        _ loop: EventLoop<RESTExchange>, _ addresses: [SocketAddress], _ target: TLSTarget?, _ request: [UInt8],
        _ limits: HTTPLimits, _ outcome: RESTOutcome
    ) {
        self.loop = loop
        self.addresses = addresses
        self.target = target
        self.request = request
        self.outcome = outcome
        parser = ResponseParser(limits: limits)
        bodyBytesMax = limits.bodyBytesMax
    }

    func start(timeoutSeconds: Int) {
        self.timeoutSeconds = timeoutSeconds
        loop.schedule(after: .seconds(timeoutSeconds), token: 0)
        open(addresses[0])
    }

    private func open(_ address: SocketAddress) {
        connection = loop.connect(to: address, options: ConnectOptions(tls: target))
    }

    func mail(_ batch: ContiguousArray<Never>) {}

    func timerFired(_ token: UInt64) {
        // A stream may take as long as it likes, but not be silent for that long. Not by the clock: a sink that holds
        // up the loop is no silence of the hub.
        if outcome.sink != nil, !isDone, wasHeard {
            wasHeard = false
            loop.schedule(after: .seconds(timeoutSeconds), token: 0)
            return
        }
        finish(.failure(.unreachable(outcome.url, "no answer in time")))
    }

    func connected(_ id: ConnectionID) {
        isConnected = true
        loop.send(id, request)
    }

    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        wasHeard = true
        isUnheard = false
        parser.receive(UnsafeRawBufferPointer(bytes))
        read()
    }

    func readClosed(_ id: ConnectionID) {
        guard !isDone else { return }
        do throws(HTTPError) {
            try parser.finish()
        } catch {
            let error: ClientError =
                isUnheard
                ? .ended(outcome.url, .peerClosed, isUnheard: true)
                : .unreachable(outcome.url, "it closed before its answer was whole")
            finish(.failure(error))
            return
        }
        read()
    }

    func closed(_ id: ConnectionID, _ reason: CloseReason) {
        guard !isDone else { return }
        // All of its addresses are one hub's: what is not trusted at the first is not at the next.
        let isOfTLS = if case .tls = reason { true } else { false }
        if !isConnected, !isOfTLS, addressIndex + 1 < addresses.count {
            addressIndex += 1
            open(addresses[addressIndex])
            return
        }
        finish(.failure(.ended(outcome.url, reason, isUnheard: isConnected && isUnheard)))
    }

    private func read() {
        do throws(HTTPError) {
            while !isDone, let event = try parser.next() {
                switch event {
                case .head(let head):
                    status = head.status
                    if ContentCoding.ofRequest(head.field(.contentEncoding)) == .gzip { beginInflating() }
                    if status == 101, outcome.isUpgrade { end() }
                case .body(let bytes): takeCoded(bytes)
                case .end: end()
                }
            }
        } catch {
            finish(.failure(.notHub(outcome.url, error.sentence)))
        }
    }

    private func beginInflating() {
        inflater = try? Inflater(.gzip)
        // The hub is ours, and its records may be alike: no bound on the ratio, and the usual one on the size.
        inflater?.begin(within: InflateBound(bytesMax: bodyBytesMax, ratioMax: .max))
    }

    private func takeCoded(_ bytes: UnsafeRawBufferPointer) {
        guard let inflater else { return take(bytes) }
        do throws(CompressionError) {
            try inflater.inflate(bytes) { if !isDone { take($0) } }
        } catch {
            finish(.failure(.notHub(outcome.url, "its answer is no gzip, or larger than this program takes.")))
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard let sink = outcome.sink, (200..<300).contains(status) else {
            body += bytes
            return
        }
        do {
            try sink(bytes)
        } catch {
            outcome.sinkError = error
            finish(.failure(.unreachable(outcome.url, "its answer was not wanted any more")))
        }
    }

    private func end() {
        guard inflater?.isWhole ?? true else {
            return finish(.failure(.unreachable(outcome.url, "it closed before its answer was whole")))
        }
        finish(.success(RESTClient.Answer(status: status, body: body)))
    }

    private func finish(_ result: Result<RESTClient.Answer, ClientError>) {
        guard !isDone else { return }
        isDone = true
        outcome.result = result
        loop.stop()
    }
}
