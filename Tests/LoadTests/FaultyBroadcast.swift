import Causality
import HTTP
import HTTPTypes
import Reactor
import Storage
import WebSocket
import Wire

@testable import Load

/// A broadcast server with one room that may do wrong to every tenth message.
final class FaultyBroadcast {
    enum Fault: Sendable {
        case none
        case drops
        case doubles
        /// Sends a message after the one that came behind it.
        case swaps
        /// Speaks the hub's protocol and never answers a push.
        case swallows
    }

    private let loop: LoopAddress<Never>
    let plan: LoadPlan

    init(fault: Fault) throws {
        let socket = try ListeningSocket.bind(to: .ipv4(port: 0))
        loop = try EventLoop<Room>.start(name: "broadcast") { loop in
            loop.listen(on: socket)
            return Room(loop, fault)
        }
        var plan = LoadPlan(address: socket.localAddress, keys: [""])
        plan.isRaw = fault != .swallows
        plan.pushCount = 60
        plan.hubBytesBefore = 0
        self.plan = plan
    }

    func stop() {
        loop.stop()
        loop.join()
    }

    private final class Room: LoopHandler {
        final class Member {
            let id: ConnectionID
            var parser = RequestParser()
            var machine: WebSocketMachine?

            init(_ id: ConnectionID) { self.id = id }
        }

        let loop: EventLoop<Room>
        let fault: Fault
        var members: [Member] = []
        var count = 0
        var held: [UInt8]?

        init(_ loop: EventLoop<Room>, _ fault: Fault) {
            self.loop = loop
            self.fault = fault
        }

        func accepted(_ socket: AcceptedSocket) { members.append(Member(loop.adopt(socket))) }

        func closed(_ id: ConnectionID, _ reason: CloseReason) { members.removeAll { $0.id == id } }

        func mail(_ batch: ContiguousArray<Never>) {}

        func received(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
            guard let member = members.first(where: { $0.id == id }) else { return }
            if member.machine == nil { return upgrade(member, UnsafeRawBufferPointer(bytes)) }
            member.machine?.receive(bytes)
            while let event = member.machine?.next() {
                switch event {
                case .text(let payload) where fault == .swallows: greet(payload, member)
                case .text(let payload): relay(Array(payload), from: member)
                case .close: loop.close(id, afterFlush: true)
                case .binary, .ping, .pong, .failed: break
                }
            }
        }

        private func upgrade(_ member: Member, _ bytes: UnsafeRawBufferPointer) {
            member.parser.receive(bytes)
            guard let event = try? member.parser.next(), case .head(let head) = event,
                let answer = try? Handshake.answer(to: head)
            else { return }
            var text = "HTTP/1.1 101 Switching Protocols\r\n"
            for (name, value) in answer.fields { text += "\(name): \(value)\r\n" }
            loop.send(member.id, Array((text + "\r\n").utf8))
            member.machine = WebSocketMachine(role: .server)
        }

        private func greet(_ message: UnsafeRawBufferPointer, _ member: Member) {
            guard String(decoding: message, as: UTF8.self).contains(#""type":"hello""#) else { return }
            let cursor = Cursor(generation: Generation(7), spaceTag: 1, position: .start)
            let welcome = Welcome(
                session: "s", serverTime: 1, user: "u", device: "d", replica: "d.1", space: "own",
                generation: "0000000000000007")
            for frame in [HubFrame.welcome(welcome), .synced(Synced(space: "own", cursor: cursor))] {
                var text: [UInt8] = []
                frame.encode(into: &text)
                loop.send(member.id, FrameWriter.serverTextFrame(text))
            }
        }

        private func relay(_ message: [UInt8], from sender: Member) {
            count += 1
            var messages = [message]
            if let held {
                messages.append(held)
                self.held = nil
            } else if count % 10 == 0 {
                switch fault {
                case .none, .swallows: break
                case .drops: messages = []
                case .doubles: messages.append(message)
                case .swaps:
                    held = message
                    messages = []
                }
            }
            for message in messages {
                let frame = FrameWriter.serverTextFrame(message)
                for member in members where member !== sender { loop.send(member.id, frame) }
            }
        }
    }
}
