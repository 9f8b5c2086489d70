public import Causality
internal import Storage
public import Wire

/// Pushes NDJSON lines through a link: batches, a bounded window, and every answer accounted for.
///
/// After a break, what was not answered is sent again with the same ids and clocks: the hub calls what it has already
/// a duplicate.
public final class Pusher: HubLinkDelegate {
    public struct Configuration: Sendable {
        /// For lines that name no kind.
        public var kind: Identifier?
        public var isAtomic = false
        public var isForced = false
        /// Bytes of pushes without an answer: the most that is held in memory for sending again.
        public var flightBytesMax = 16 << 20
        /// Times that one push is sent before the hub's refusal is final; nil tries for ever.
        public var triesMax: Int? = 8
        /// Tries to connect in a row before giving up; nil tries for ever.
        public var connectsMax: Int? = 1
        /// The same, once there was a session: 10 with full jitter are about a minute and a half.
        public var reconnectsMax: Int? = 10

        public init() {}
    }

    struct Flight {
        var id: String
        var lines: [Int]
        var frame: [UInt8]
        var tries = 0
        var isSent = false
        /// Loop time, nanoseconds: not to be sent again before.
        var resendAt: UInt64 = 0
    }

    private static let resendToken: UInt64 = 1
    /// What is added to a line, about: a clock, a kind and a time. More is room that the frame makes when it comes.
    private static let additionBytes = 128
    /// Where the hub does not say when to come again: as long as it works on what it put this off for.
    private static let resendDelayMs = 1_000

    public private(set) var tally = PushTally()
    /// Why the push ended early; nil when all lines have their verdict.
    public private(set) var failure: ClientError?
    public private(set) var inputFailure: String?
    /// Input bytes that were taken so far, for progress.
    public private(set) var bytesTaken = 0

    /// Told of each item that was not accepted.
    public var onTrouble: (PushTrouble) -> Void = { _ in }
    /// Told after every answer.
    public var onProgress: () -> Void = {}
    /// Told of breaks, with the seconds until the next try.
    public var onLost: (ClientError, Double?) -> Void = { _, _ in }
    /// Told when an input was taken: its reader may read the next.
    public var onInputTaken: () -> Void = {}

    private let configuration: Configuration
    private let now: () -> Int64
    private var stamper: ChangeStamper?
    private var waiting: [PushInput] = []
    private var isInputEnded = false
    private(set) var flights: [String: Flight] = [:]
    private var order: [String] = []
    private var flightBytes = 0
    private var nextNumber = 0
    private let session: String
    private var wasOpen = false
    private var connectsFailed = 0

    /// - Parameters:
    ///   - session: in front of every push id, so that two runs never share one.
    ///   - now: microseconds since 1970.
    public init(_ configuration: Configuration, session: String, now: @escaping () -> Int64) {
        self.configuration = configuration
        self.session = session
        self.now = now
    }

    // MARK: The link's calls

    public func linkOpened(_ link: HubLink, _ welcome: Welcome) {
        wasOpen = true
        connectsFailed = 0
        if stamper == nil { stamper = ChangeStamper(replica: welcome.replica, kind: configuration.kind) }
        stamper?.replica = welcome.replica
        for id in order {
            flights[id]?.isSent = false
            flights[id]?.resendAt = 0
        }
        pump(link)
    }

    public func link(_ link: HubLink, note: any Sendable) {
        switch note as? PushNote {
        case .input(let input): waiting.append(input)
        case .ended: isInputEnded = true
        case .failed(let sentence):
            inputFailure = sentence
            isInputEnded = true
        case .refused(let error):
            failure = error
            link.finish()
            return
        case nil: return
        }
        pump(link)
    }

    public func link(_ link: HubLink, answered answer: Pushed) {
        guard let flight = land(answer.id) else { return }
        let putOff = Pusher.putOff(Array(answer.items.prefix(flight.lines.count)), isAtomic: configuration.isAtomic)
        if let position = answer.position { tally.position = max(tally.position ?? .start, position) }
        for (index, line) in flight.lines.enumerated() {
            guard index < answer.items.count else {
                reject(line, kind: nil, id: nil, code: "internal", "the hub's answer does not name this item")
                continue
            }
            if putOff.contains(index) { continue }
            let item = answer.items[index]
            tally.count(item.verdict)
            guard item.verdict != .accepted, item.verdict != .duplicate else { continue }
            let code = item.error?.rawValue ?? item.reason.map { "\($0)" } ?? item.verdict.rawValue
            onTrouble(
                PushTrouble(
                    line: line, kind: item.kind, id: item.id, verdict: item.verdict, code: code,
                    message: item.message ?? Pusher.sentence(item.verdict)))
        }
        if !putOff.isEmpty { resend(putOff, of: flight, link) }
        onProgress()
        pump(link)
    }

    public func link(_ link: HubLink, failed error: ErrorFrame) {
        guard let id = error.pushID, var flight = flights[id] else { return }
        if error.code.isRetryable, flight.tries < configuration.triesMax ?? .max {
            // Not at once: the hub has just said that it cannot.
            schedule(&flight, afterMilliseconds: max(1, error.retryAfterMs ?? Pusher.resendDelayMs), link)
            flights[id] = flight
            return
        }
        if error.code.isRetryable {
            failure = ClientError(error)
            link.finish()
            return
        }
        _ = land(id)
        for line in flight.lines { reject(line, kind: nil, id: nil, code: error.code.rawValue, error.message) }
        onProgress()
        pump(link)
    }

    public func link(_ link: HubLink, timer token: UInt64) { pump(link) }

    public func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?) {
        connectsFailed += 1
        let most = wasOpen ? configuration.reconnectsMax : configuration.connectsMax
        if retrySeconds == nil || connectsFailed >= most ?? .max {
            failure = error
            link.finish()
            return
        }
        onLost(error, retrySeconds)
    }

    /// Lines that were taken and have no verdict.
    public var unanswered: Int { flights.values.reduce(0) { $0 + $1.lines.count } }

    // MARK: The window

    private func pump(_ link: HubLink) {
        guard link.isOpen else { return }
        for id in order {
            guard let flight = flights[id], !flight.isSent, flight.resendAt <= link.now else { continue }
            guard flight.tries < configuration.triesMax ?? .max else {
                // Each session ended with this push in it: something on the way does not let it through.
                failure = ClientError(
                    ErrorFrame(
                        code: .storeUnavailable, message: "a push was sent \(flight.tries) times and never answered"))
                link.finish()
                return
            }
            flights[id]?.isSent = true
            flights[id]?.tries += 1
            link.send(encoded: flight.frame)
        }
        while !waiting.isEmpty, hasRoom(link) {
            let input = waiting.removeFirst()
            onInputTaken()
            bytesTaken = input.bytesTaken
            launch(input, link)
        }
        if isInputEnded, waiting.isEmpty, flights.isEmpty { link.finish() }
    }

    private func hasRoom(_ link: HubLink) -> Bool {
        flights.count < link.limits.pushesInFlightMax && flightBytes < configuration.flightBytesMax
    }

    private func launch(_ input: PushInput, _ link: HubLink) {
        // Lines go on as they stand: what was read as a float is not written anew.
        var lines: [Int] = []
        let push = nextPush([])
        var frame: [UInt8] = []
        frame.reserveCapacity(input.lines.reduce(256) { $0 + $1.text.count + Pusher.additionBytes })
        push.openFrame(into: &frame)
        for line in input.lines {
            let end = frame.count
            if !lines.isEmpty { frame.append(UInt8(ascii: ",")) }
            if let rejection = append(line, link.limits, into: &frame) {
                frame.removeLast(frame.count - end)
                tally.malformed += 1
                reject(
                    line.number, kind: rejection.kind, id: rejection.id, code: rejection.error.rawValue,
                    rejection.message)
            } else {
                lines.append(line.number)
            }
        }
        Push.closeFrame(into: &frame)
        // All or nothing begins here: with a line that is no change, nothing leaves.
        if configuration.isAtomic, tally.malformed > 0 {
            for line in lines {
                reject(line, kind: nil, id: nil, code: ErrorCode.atomicAborted.rawValue, "another line is no change")
            }
            return
        }
        guard !lines.isEmpty else { return }
        let flight = Flight(id: push.id, lines: lines, frame: frame, tries: 1, isSent: true)
        take(flight)
        link.send(encoded: flight.frame)
    }

    private func flight(_ changes: [Change], lines: [Int]) -> Flight {
        var frame: [UInt8] = []
        let push = nextPush(changes)
        ClientFrame.push(push).encode(into: &frame)
        return Flight(id: push.id, lines: lines, frame: frame)
    }

    private func nextPush(_ changes: [Change]) -> Push {
        nextNumber += 1
        return Push(
            id: "\(session).\(nextNumber)", changes: changes, isAtomic: configuration.isAtomic,
            isForced: configuration.isForced)
    }

    private func take(_ flight: Flight) {
        flights[flight.id] = flight
        order.append(flight.id)
        flightBytes += flight.frame.count
    }

    /// Sends items that were put off in a push of their own, as they were.
    private func resend(_ indices: Set<Int>, of old: Flight, _ link: HubLink) {
        guard let changes = Pusher.changes(in: old.frame, link.limits), changes.count == old.lines.count else {
            // Nothing of ours reads other than it was written: but no line goes without a verdict.
            for index in indices.sorted() {
                reject(old.lines[index], kind: nil, id: nil, code: ErrorCode.overloaded.rawValue, "it was put off")
            }
            return
        }
        let rest = indices.sorted()
        var next = flight(rest.map { changes[$0] }, lines: rest.map { old.lines[$0] })
        // A push of which a part went through may come again as often as one that is new.
        next.tries = rest.count < old.lines.count ? 0 : old.tries
        schedule(&next, afterMilliseconds: Pusher.resendDelayMs, link)
        take(next)
        guard next.tries >= configuration.triesMax ?? .max else { return }
        failure = ClientError(
            ErrorFrame(code: .overloaded, message: "the hub put a push off \(next.tries) times and wrote none of it"))
        link.finish()
    }

    private func schedule(_ flight: inout Flight, afterMilliseconds delayMs: Int, _ link: HubLink) {
        flight.isSent = false
        flight.resendAt = link.now + UInt64(delayMs) * 1_000_000
        link.schedule(afterMilliseconds: delayMs, token: Pusher.resendToken)
    }

    private func append(_ line: PushInput.Line, _ limits: WireLimits, into frame: inout [UInt8]) -> ItemRejection? {
        switch line.text {
        case .text(let bytes):
            // Made when the session stood, before which nothing is launched.
            guard stamper != nil else {
                return ItemRejection(kind: nil, id: nil, error: .internal, message: "there is no session")
            }
            return stamper?.append(line: bytes, now: now(), base: line.base, limits: limits, into: &frame)
        case .tooLong:
            return ItemRejection(kind: nil, id: nil, error: .tooLarge, message: "the line is too long")
        }
    }

    private func land(_ id: String) -> Flight? {
        guard let flight = flights.removeValue(forKey: id) else { return nil }
        if let place = order.firstIndex(of: id) { order.remove(at: place) }
        flightBytes -= flight.frame.count
        return flight
    }

    private func reject(_ line: Int, kind: String?, id: String?, code: String, _ message: String) {
        tally.count(.rejected)
        onTrouble(PushTrouble(line: line, kind: kind, id: id, verdict: .rejected, code: code, message: message))
    }

    /// The items that the hub refused for now and that are to be sent again: of an atomic push all, unless one of them
    /// would be refused again.
    static func putOff(_ items: [PushedItem], isAtomic: Bool) -> Set<Int> {
        let putOff = Set(items.indices.filter { items[$0].error?.isRetryable == true })
        guard isAtomic, !putOff.isEmpty else { return putOff }
        let isFinal = items.contains { item in
            switch item.verdict {
            case .accepted, .duplicate: false
            case .stale, .conflict: true
            case .rejected: item.error?.isRetryable != true && item.error != .atomicAborted
            }
        }
        return isFinal ? [] : Set(items.indices)
    }

    private static func changes(in frame: [UInt8], _ limits: WireLimits) -> [Change]? {
        guard case .push(let push)? = try? ClientFrame.decode(frame, limits: limits) else { return nil }
        return push.items.compactMap { item in
            guard case .change(let change) = item else { return nil }
            return change
        }
    }

    private static func sentence(_ verdict: ItemVerdict) -> String {
        switch verdict {
        case .stale: "the hub has a later version; pull it and edit that"
        case .conflict: "the hub has a concurrent version; both are kept until a push settles them"
        case .accepted, .duplicate, .rejected: verdict.rawValue
        }
    }
}
