import Causality
import Reactor
import Testing
import Wire

@testable import CarillonClient

/// Items that the hub refused for now are sent again, and no others.
@Suite struct PutOffTests {
    func item(_ verdict: ItemVerdict, _ error: ErrorCode? = nil) -> PushedItem {
        PushedItem(kind: "task", id: "1", verdict: verdict, error: error)
    }

    @Test func whatIsRetryableIsPutOffAndOfAnAtomicPushAllOrNothing() {
        let mixed = [item(.accepted), item(.rejected, .overloaded), item(.conflict), item(.rejected, .badClock)]
        #expect(Pusher.putOff(mixed, isAtomic: false) == [1])
        #expect(Pusher.putOff(mixed, isAtomic: true) == [])
        let aborted = [item(.rejected, .atomicAborted), item(.rejected, .overloaded), item(.duplicate)]
        #expect(Pusher.putOff(aborted, isAtomic: true) == [0, 1, 2])
        #expect(Pusher.putOff([item(.accepted), item(.rejected, .siblingLimit)], isAtomic: false) == [])
    }

    @Test func anItemThatWasPutOffComesAgainInAPushOfItsOwn() throws {
        var configuration = Pusher.Configuration()
        configuration.kind = "task"
        configuration.triesMax = 2
        let pusher = Pusher(configuration, session: "s", now: { 7 })
        var troubles: [PushTrouble] = []
        pusher.onTrouble = { troubles.append($0) }
        let link = try self.link(to: pusher)
        // The loop and its handler hold each other until it has run.
        defer {
            link.loop.stop()
            link.loop.runUntilStopped()
        }
        pusher.linkOpened(link, welcome())
        let lines = (1...3).map { number in
            PushInput.Line(
                number: number, text: .text(Array("{\"id\":\"r\(number)\",\"body\":{\"n\":\(number)}}".utf8)))
        }
        pusher.link(link, note: PushNote.input(PushInput(lines: lines, bytesTaken: 1)))
        let first = try #require(pusher.flights["s.1"])
        pusher.link(
            link,
            answered: Pushed(id: "s.1", items: [item(.accepted), item(.rejected, .overloaded), item(.accepted)]))
        #expect(pusher.tally.total == 2 && pusher.tally.isAllAccepted && troubles.isEmpty)
        let second = try #require(pusher.flights["s.2"])
        #expect(second.lines == [2] && !second.isSent && second.resendAt > link.now && second.tries == 0)
        #expect(try changes(second) == [try changes(first)[1]])
        // What is put off as a whole is not sent for ever.
        pusher.link(link, answered: Pushed(id: "s.2", items: [item(.rejected, .overloaded)]))
        #expect(pusher.flights["s.3"]?.tries == 0 && pusher.failure == nil)
        var tries = 3
        while pusher.failure == nil, tries < 10 {
            pusher.linkOpened(link, welcome())
            pusher.link(link, answered: Pushed(id: "s.\(tries)", items: [item(.rejected, .overloaded)]))
            tries += 1
        }
        #expect(tries == 5 && pusher.failure?.cause == .temporary && pusher.unanswered == 1)
    }

    private func changes(_ flight: Pusher.Flight) throws -> [PushItem] {
        guard case .push(let push) = try ClientFrame.decode(flight.frame) else { return [] }
        return push.items
    }

    private func welcome() -> Welcome {
        Welcome(
            session: "x", serverTime: 0, user: "u", device: "d", replica: "d", space: "s", generation: "0")
    }

    /// A link with no connection behind it: what is sent goes nowhere.
    private func link(to pusher: Pusher) throws -> HubLink {
        let url = try HubURL(parsing: "http://127.0.0.1:1")
        let configuration = HubLinkConfiguration(url: url, key: "k", device: "d")
        var made: HubLink?
        _ = try EventLoop<HubLink>(configuration: LoopConfiguration()) { loop in
            let link = HubLink(configuration, cursor: nil, loop: loop, delegate: pusher)
            made = link
            return link
        }
        let link = try #require(made)
        link.phase = .open
        return link
    }
}
