internal import Dispatch
internal import HTTP
internal import HTTPTypes
internal import Reactor
internal import Storage
internal import Wire

/// An answer for a peer of the operators' listener.
enum OperationsMail: Sendable {
    case listen(ListeningSocket)
    case answered(ConnectionID, RESTAnswer, keepsAlive: Bool)
}

/// `/metrics`, `/health` and `/ready` without a key, on a listener and a loop of their own: whatever the shards are at,
/// operators are answered, and while the hub drains a balancer is told so.
///
/// One request at a time for each connection. What asks the store is done on a queue.
final class OperationsDesk: LoopHandler {
    /// Scrapers and balancers are few.
    static let connectionsMax = 64
    /// Seconds of silence after which a connection is closed: longer than any scrape interval that is usual.
    static let idleSeconds = 120
    static let sweepSeconds = 10
    /// Requests that wait for the queue; past it a peer is told to come again.
    static let waitingMax = 16

    static let table: [Route] = [
        Route(.get, "/metrics") { routes, _ in routes.metrics() },
        Route(.get, "/health") { routes, _ in routes.health() },
        Route(.get, "/ready") { routes, _ in try routes.ready() },
    ]

    private final class Caller {
        let id: ConnectionID
        var parser: RequestParser
        var heardAt: UInt64
        var head: RequestHead?
        var isAnswering = false

        init(_ id: ConnectionID, now: UInt64) {
            self.id = id
            var limits = HTTPLimits()
            limits.bodyBytesMax = 0
            parser = RequestParser(limits: limits)
            heardAt = now
        }
    }

    private let core: HubCore
    private let loop: EventLoop<OperationsDesk>
    private let queue = DispatchQueue(label: "carillon.operations", qos: .userInitiated)
    private var callers: [Int: Caller] = [:]
    private var waitingCount = 0

    static func start(on socket: ListeningSocket, core: HubCore) throws(ReactorError) -> LoopAddress<OperationsMail> {
        var configuration = LoopConfiguration()
        configuration.connectionsMax = connectionsMax
        configuration.receiveBufferBytes = 64 << 10
        let loop = try EventLoop<OperationsDesk>.start(name: "operations", configuration: configuration) {
            OperationsDesk(core: core, loop: $0)
        }
        loop.post(.listen(socket))
        return loop
    }

    private init(core: HubCore, loop: EventLoop<OperationsDesk>) {
        self.core = core
        self.loop = loop
        _ = loop.schedule(after: .seconds(OperationsDesk.sweepSeconds), token: 0)
    }

    private func caller(_ id: ConnectionID) -> Caller? {
        callers[id.index].flatMap { $0.id == id ? $0 : nil }
    }

    func accepted(_ socket: AcceptedSocket) {
        guard callers.count < OperationsDesk.connectionsMax else { return socket.close() }
        let id = loop.adopt(socket)
        callers[id.index] = Caller(id, now: loop.now)
    }

    func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        guard let caller = caller(id) else { return }
        caller.heardAt = loop.now
        // Who sends the next request before he has his answer is no scraper.
        guard !caller.isAnswering else { return loop.close(id, afterFlush: true) }
        caller.parser.receive(UnsafeRawBufferPointer(bytes))
        do {
            while !caller.isAnswering, let event = try caller.parser.next() {
                switch event {
                case .head(let head): caller.head = head
                case .expectContinue, .body: break
                case .end: begin(caller)
                }
            }
            if caller.isAnswering, !caller.parser.takeRemainder().isEmpty { loop.close(id, afterFlush: true) }
        } catch {
            var problem = Problem(code: .badRequest, detail: error.sentence)
            problem.status = error.status
            send(id, RESTAnswer(problem), keepsAlive: false)
        }
    }

    private func begin(_ caller: Caller) {
        guard let head = caller.head else { return }
        let id = caller.id
        guard waitingCount < OperationsDesk.waitingMax else {
            return send(id, RESTAnswer(Problem(code: .overloaded, retryAfterMs: 1_000)), keepsAlive: false)
        }
        caller.isAnswering = true
        waitingCount += 1
        let (core, address) = (core, loop.address)
        queue.async {
            RESTRoutes(core: core, open: { _ in }, table: OperationsDesk.table).answer(
                RESTRequest(head: head, body: [], credentials: Credentials())
            ) { address.post(.answered(id, $0, keepsAlive: head.keepAlive)) }
        }
    }

    private func send(_ id: ConnectionID, _ answer: RESTAnswer, keepsAlive: Bool) {
        guard let caller = caller(id) else { return }
        var bytes: [UInt8] = []
        ResponseWriter.append(
            status: answer.status, fields: answer.fields, body: answer.body, keepAlive: keepsAlive,
            isHTTP10: caller.head?.isHTTP10 ?? false, omitsBody: caller.head?.request.method == .head, into: &bytes)
        loop.send(id, bytes)
        caller.head = nil
        caller.isAnswering = false
        if !keepsAlive { loop.close(id, afterFlush: true) }
    }

    func mail(_ batch: ContiguousArray<OperationsMail>) {
        for mail in batch {
            switch mail {
            case .listen(let socket): loop.listen(on: socket)
            case .answered(let id, let answer, let keepsAlive):
                waitingCount -= 1
                send(id, answer, keepsAlive: keepsAlive)
            }
        }
    }

    func timerFired(_ token: UInt64) {
        for caller in callers.values
        where !caller.isAnswering && (loop.now - caller.heardAt) / 1_000_000_000 >= UInt64(OperationsDesk.idleSeconds) {
            loop.close(caller.id, afterFlush: false)
        }
        _ = loop.schedule(after: .seconds(OperationsDesk.sweepSeconds), token: 0)
    }

    func closed(_ id: ConnectionID, _ reason: CloseReason) {
        if caller(id) != nil { callers[id.index] = nil }
    }
}
