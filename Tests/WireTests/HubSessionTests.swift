import Causality
import Storage
import Testing
import Wire

@Suite struct HubSessionTests {
    private static let cursor = Cursor(generation: Generation(1), spaceTag: 2, position: Position(3))
    private static let hello = Hello(device: "laptop")
    private static let push = Push(id: "p", items: [])

    /// A session in `phase`, brought there by events alone.
    private func session(_ phase: HubSession.Phase, limits: WireLimits = .standard) -> HubSession {
        var session = HubSession(limits: limits)
        switch phase {
        case .awaitingHello: break
        case .authenticating: _ = session.receive(.hello(Self.hello))
        case .catchingUp:
            _ = session.receive(.hello(Self.hello))
            _ = session.authenticated(live: true)
        case .live:
            _ = session.receive(.hello(Self.hello))
            _ = session.authenticated(live: false)
        case .closing: session.disconnected()
        }
        return session
    }

    private struct Row {
        let frame: ClientFrame
        /// In the order of `Phase.allCases`.
        let actions: [HubSession.Action]
        let phases: [HubSession.Phase]
    }

    private var table: [Row] {
        let first = HubSession.Action.close(ErrorFrame(code: .helloRequired))
        let again = HubSession.Action.reply(ErrorFrame(code: .helloRepeated))
        let kept: [HubSession.Phase] = [.closing, .authenticating, .catchingUp, .live, .closing]
        return [
            Row(
                frame: .hello(Self.hello), actions: [.authenticate(Self.hello), again, again, again, .none],
                phases: [.authenticating, .authenticating, .catchingUp, .live, .closing]),
            Row(
                frame: .push(Self.push), actions: [first, .none, .submit(Self.push), .submit(Self.push), .none],
                phases: kept),
            Row(
                frame: .resolve(Self.push), actions: [first, .none, .submit(Self.push), .submit(Self.push), .none],
                phases: kept),
            Row(
                frame: .ack(cursor: Self.cursor),
                actions: [first, .none, .acknowledge(Self.cursor), .acknowledge(Self.cursor), .none], phases: kept),
            Row(frame: .ping(id: "7"), actions: [first, .none, .pong(id: "7"), .pong(id: "7"), .none], phases: kept),
            Row(
                frame: .bye, actions: [.finish, .finish, .finish, .finish, .none],
                phases: Array(repeating: .closing, count: 5)),
        ]
    }

    @Test func everyFrameInEveryStateHasItsActionAndItsNextState() {
        for row in table {
            for (index, phase) in HubSession.Phase.allCases.enumerated() {
                var session = session(phase)
                #expect(session.phase == phase)
                #expect(session.receive(row.frame) == row.actions[index], "\(row.frame) in \(phase)")
                #expect(session.phase == row.phases[index], "\(row.frame) in \(phase)")
            }
        }
    }

    @Test(arguments: HubSession.Phase.allCases) func everyOtherEventKeepsItsPlace(_ phase: HubSession.Phase) {
        let isOpen = phase != .closing
        var session = session(phase)
        let mild = session.receive(FrameError(.badJSON, "m"))
        #expect(mild == (isOpen ? .reply(ErrorFrame(code: .badJSON, message: "m")) : .none))
        #expect(session.phase == phase)
        session = self.session(phase)
        let caughtUp = session.caughtUp()
        #expect(caughtUp == (phase == .catchingUp || phase == .live))
        #expect(session.phase == (phase == .catchingUp ? .live : phase))
        session = self.session(phase)
        let isBehind = session.fellBehind()
        #expect(isBehind == (phase == .catchingUp || phase == .live))
        #expect(session.phase == (phase == .live ? .catchingUp : phase))
        session = self.session(phase)
        let isResumed = session.answered()
        #expect(!isResumed)
        #expect(session.phase == phase)
        session = self.session(phase)
        let start = session.authenticated(live: true)
        #expect(start == (phase == .authenticating ? .catchUp(held: []) : .ended))
        session = self.session(phase)
        let timedOut = session.helloTimedOut()
        #expect((timedOut != .none) == (phase == .awaitingHello))
        session = self.session(phase)
        let refused = session.refused(.unauthorized)
        #expect(refused == (isOpen ? .close(ErrorFrame(code: .unauthorized)) : .none))
        #expect(session.phase == .closing)
        session = self.session(phase)
        let bye = session.draining(reconnectAfterMs: 5)
        #expect(bye == (isOpen ? Bye(reason: .shuttingDown, reconnectAfterMs: 5) : nil))
        #expect(session.phase == .closing && session.wantsInput == false)
    }

    @Test func aVersionThatIsNotSpokenEndsTheSession() {
        var session = HubSession()
        guard case .close(let error) = session.receive(.hello(Hello(protocolVersion: 2, device: "d"))) else {
            Issue.record("goes on")
            return
        }
        #expect(error.code == .unsupportedProtocol)
    }

    @Test func framesDuringTheLookupAreHeldInOrderAndBounded() {
        var session = session(.authenticating)
        let frames = (0..<HubSession.framesHeldMax).map { ClientFrame.ping(id: "\($0)") }
        for frame in frames {
            #expect(session.wantsInput == true)
            #expect(session.receive(frame) == .none)
        }
        #expect(session.wantsInput == false)
        #expect(session.authenticated(live: true) == .catchUp(held: frames))
        session = self.session(.authenticating)
        for frame in frames { _ = session.receive(frame) }
        #expect(session.receive(.ping(id: nil)) == .close(ErrorFrame(code: .overloaded, isFatal: true)))
    }

    @Test func pushesInFlightAreBoundedAndReadingResumes() {
        var session = session(.live, limits: WireLimits(pushesInFlightMax: 2))
        #expect(session.receive(.push(Self.push)) == .submit(Self.push))
        #expect(session.wantsInput == true)
        #expect(session.receive(.push(Self.push)) == .submit(Self.push))
        #expect(session.wantsInput == false)
        #expect(session.receive(.push(Self.push)) == .reply(ErrorFrame(code: .overloaded, pushID: "p")))
        #expect(session.pushesInFlight == 2)
        let isResumed = session.answered()
        #expect(isResumed && session.wantsInput)
        _ = session.fellBehind()
        #expect(session.pushesInFlight == 1)
        let isResumedAgain = session.answered()
        #expect(!isResumedAgain)
    }
}
