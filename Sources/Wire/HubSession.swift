// The session, seen from the hub. Pure: frames and outcomes in, actions out; the hub does what they say.
//
// States
//   awaitingHello    the socket is open, nobody is known
//   authenticating   a hello came; the hub looks up its key and device. Frames that come meanwhile are held
//   catchingUp       welcome was sent; the log is read to the subscription's start. Pushes are taken
//   live             caught up (or no subscription was wanted): commits are sent as they happen
//   closing          an error, a bye or the drain ended it; whatever comes is dropped
//
// Events and transitions (all else keeps the state)
//   awaitingHello    receive hello              -> authenticating   .authenticate
//                    receive any other frame    -> closing          .close(hello_required)
//                    helloTimedOut              -> closing          .close(hello_timeout)
//   authenticating   receive any but a hello    held, at most framesHeldMax, then closing: .close(overloaded)
//                    authenticated, live        -> catchingUp       held frames come back to be received
//                    authenticated, not live    -> live             the same
//                    refused                    -> closing          .close(code)
//   catchingUp       caughtUp                   -> live
//   live             fellBehind                 -> catchingUp       the outbox overflowed: fed from the log again
//   catchingUp, live receive push or resolve    .submit, or .reply(overloaded) at pushesInFlightMax
//                    receive ack                .acknowledge
//                    receive a second hello     .reply(hello_repeated)
//   any but closing  receive ping               .pong (held while authenticating; awaitingHello: hello_required)
//                    receive bye                -> closing          .finish
//                    receive undecodable bytes  .reply(code), or -> closing when the code is fatal
//                    drain                      -> closing          a bye to send
//                    disconnected               -> closing

/// The hub's half of a session.
public struct HubSession: ~Copyable {
    /// The state's name, for tests, logs and metrics.
    public enum Phase: String, Sendable, CaseIterable {
        case awaitingHello = "awaiting_hello"
        case authenticating
        case catchingUp = "catching_up"
        case live
        case closing
    }

    /// What the hub is to do.
    public enum Action: Sendable, Equatable {
        /// Nothing: the frame is held or dropped.
        case none
        /// Look up the key and the device; then call ``authenticated(live:)`` or ``refused(_:message:)``.
        case authenticate(Hello)
        /// Take the push to the journal; when its answer is queued, call ``answered()``.
        case submit(Push)
        case acknowledge(Cursor)
        case pong(id: String?)
        /// Send the error; the session goes on.
        case reply(ErrorFrame)
        /// Send the error, then close with its code's close code.
        case close(ErrorFrame)
        /// The device said bye: close with 1000.
        case finish
    }

    /// What follows from an authentication that went well.
    public enum Start: Sendable, Equatable {
        /// Register the subscription, send the welcome, read the log, call ``caughtUp()``; then receive the held frames.
        case catchUp(held: [ClientFrame])
        /// Send the welcome, then receive the held frames.
        case pushOnly(held: [ClientFrame])
        /// The session ended meanwhile.
        case ended
    }

    /// Most frames that are held while a hello is looked up: a device may send its first pushes at once.
    public static let framesHeldMax = 16

    // Copyable: the only payload with a reference, the held frames, ends with the first lookup.
    private enum State {
        case awaitingHello
        case authenticating(held: [ClientFrame])
        case catchingUp(inFlight: Int)
        case live(inFlight: Int)
        case closing
    }

    private let pushesInFlightMax: Int
    private var state: State = .awaitingHello

    public init(limits: WireLimits = .standard) {
        pushesInFlightMax = limits.pushesInFlightMax
    }

    public var phase: Phase {
        switch state {
        case .awaitingHello: .awaitingHello
        case .authenticating: .authenticating
        case .catchingUp: .catchingUp
        case .live: .live
        case .closing: .closing
        }
    }

    /// Pushes that were submitted and not yet answered.
    public var pushesInFlight: Int {
        switch state {
        case .catchingUp(let inFlight), .live(let inFlight): inFlight
        case .awaitingHello, .authenticating, .closing: 0
        }
    }

    /// Whether the socket is to be read: false when the next push would be one too many, or frames are held in full.
    public var wantsInput: Bool {
        switch state {
        case .awaitingHello: true
        case .authenticating(let held): held.count < HubSession.framesHeldMax
        case .catchingUp(let inFlight), .live(let inFlight): inFlight < pushesInFlightMax
        case .closing: false
        }
    }

    /// Whether frames wait for the hello's answer.
    public var holdsFrames: Bool {
        switch state {
        case .authenticating(let held): !held.isEmpty
        case .awaitingHello, .catchingUp, .live, .closing: false
        }
    }

    /// A frame came.
    public mutating func receive(_ frame: ClientFrame) -> Action {
        switch state {
        case .awaitingHello:
            if case .hello(let hello) = frame { return begin(hello) }
            state = .closing
            if case .bye = frame { return .finish }
            return .close(ErrorFrame(code: .helloRequired))
        case .authenticating(let held):
            return hold(frame, behind: held)
        case .catchingUp(let inFlight):
            let (action, count) = HubSession.serve(frame, inFlight: inFlight, inFlightMax: pushesInFlightMax)
            state = action == .finish ? .closing : .catchingUp(inFlight: count)
            return action
        case .live(let inFlight):
            let (action, count) = HubSession.serve(frame, inFlight: inFlight, inFlightMax: pushesInFlightMax)
            state = action == .finish ? .closing : .live(inFlight: count)
            return action
        case .closing:
            return .none
        }
    }

    /// Bytes came that are no frame.
    public mutating func receive(_ error: FrameError) -> Action {
        let told = ErrorFrame(error)
        if phase == .closing { return .none }
        guard told.isFatal else { return .reply(told) }
        state = .closing
        return .close(told)
    }

    /// The hello's key and device are good.
    ///
    /// - Parameter live: the hello's field.
    public mutating func authenticated(live: Bool) -> Start {
        switch state {
        case .authenticating(let held):
            state = live ? .catchingUp(inFlight: 0) : .live(inFlight: 0)
            return live ? .catchUp(held: held) : .pushOnly(held: held)
        case .awaitingHello, .catchingUp, .live, .closing:
            return .ended
        }
    }

    /// The hub ends the session with an error: a bad key, an unknown device, a store that is gone.
    public mutating func refused(_ code: ErrorCode, message: String? = nil, retryAfterMs: Int? = nil) -> Action {
        if phase == .closing { return .none }
        state = .closing
        return .close(ErrorFrame(code: code, message: message, retryAfterMs: retryAfterMs, isFatal: true))
    }

    /// No hello came in the time that the hub gives. Returns `.none` when one has.
    public mutating func helloTimedOut() -> Action {
        phase == .awaitingHello ? refused(.helloTimeout) : .none
    }

    /// The log was read to where the subscription began. Returns whether the session is live now.
    public mutating func caughtUp() -> Bool {
        switch state {
        case .catchingUp(let inFlight), .live(let inFlight):
            state = .live(inFlight: inFlight)
            return true
        case .awaitingHello, .authenticating, .closing:
            return false
        }
    }

    /// The device's outbox overflowed. Returns whether it is to be fed from the log.
    public mutating func fellBehind() -> Bool {
        switch state {
        case .live(let inFlight), .catchingUp(let inFlight):
            state = .catchingUp(inFlight: inFlight)
            return true
        case .awaitingHello, .authenticating, .closing:
            return false
        }
    }

    /// A push's answer was queued. Returns whether reading, which had stopped for it, is to begin again.
    public mutating func answered() -> Bool {
        let wasFull = !wantsInput
        switch state {
        case .catchingUp(let inFlight): state = .catchingUp(inFlight: max(inFlight - 1, 0))
        case .live(let inFlight): state = .live(inFlight: max(inFlight - 1, 0))
        case .awaitingHello, .authenticating, .closing: return false
        }
        return wasFull && wantsInput
    }

    /// The hub stops. Returns the bye to send before closing with 4000, or nil when the session has ended.
    public mutating func draining(reconnectAfterMs: Int) -> Bye? {
        if phase == .closing { return nil }
        state = .closing
        return Bye(reason: .shuttingDown, reconnectAfterMs: reconnectAfterMs)
    }

    /// The socket is gone.
    public mutating func disconnected() {
        state = .closing
    }

    private mutating func begin(_ hello: Hello) -> Action {
        guard hello.protocolVersion == CarillonProtocol.version else {
            state = .closing
            let spoken = "this hub speaks protocol \(CarillonProtocol.version), not \(hello.protocolVersion)"
            return .close(ErrorFrame(code: .unsupportedProtocol, message: spoken))
        }
        state = .authenticating(held: [])
        return .authenticate(hello)
    }

    private mutating func hold(_ frame: ClientFrame, behind held: [ClientFrame]) -> Action {
        switch frame {
        case .hello:
            return .reply(ErrorFrame(code: .helloRepeated))
        case .bye:
            state = .closing
            return .finish
        case .push, .resolve, .ack, .ping:
            guard held.count < HubSession.framesHeldMax else {
                state = .closing
                return .close(ErrorFrame(code: .overloaded, isFatal: true))
            }
            state = .authenticating(held: held + [frame])
            return .none
        }
    }

    private static func serve(_ frame: ClientFrame, inFlight: Int, inFlightMax: Int) -> (Action, Int) {
        switch frame {
        case .hello: (.reply(ErrorFrame(code: .helloRepeated)), inFlight)
        case .push(let push), .resolve(let push):
            if inFlight < inFlightMax {
                (.submit(push), inFlight + 1)
            } else {
                (.reply(ErrorFrame(code: .overloaded, pushID: push.id)), inFlight)
            }
        case .ack(let cursor): (.acknowledge(cursor), inFlight)
        case .ping(let id): (.pong(id: id), inFlight)
        case .bye: (.finish, inFlight)
        }
    }
}
