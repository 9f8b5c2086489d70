import Testing
import WebSocket

@Suite struct WritingTests {
    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 100_003])
    func whatOneEndWritesTheOtherReads(_ count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for role in [WebSocketRole.client, .server] {
            var machine = WebSocketMachine(role: role, maskSeed: 42)
            var bytes: [UInt8] = []
            machine.appendMessage(.binary, payload, into: &bytes)
            machine.appendPing([1], into: &bytes)
            machine.appendPong([2], into: &bytes)
            machine.appendText("é", into: &bytes)
            machine.appendClose(.goingAway, reason: "bye", into: &bytes)
            let events = WireTranscript.of(bytes, step: bytes.count, role: role == .client ? .server : .client)
            #expect(
                events == [
                    .binary(payload), .ping([1]), .pong([2]), .text(Array("é".utf8)), .close(1001, "bye"),
                ])
        }
    }

    @Test func nothingIsWrittenAfterAClose() {
        var machine = WebSocketMachine(role: .server)
        var bytes: [UInt8] = []
        machine.appendClose(.normal, into: &bytes)
        let isCloseSent = machine.isCloseSent
        #expect(isCloseSent)
        #expect(bytes == [0x88, 2, 0x03, 0xE8])
        machine.appendClose(.normal, into: &bytes)
        machine.appendText("a", into: &bytes)
        machine.appendPing(into: &bytes)
        machine.appendPong(into: &bytes)
        #expect(bytes.count == 4)
    }

    @Test func aReservedCodeIsNeverWritten() {
        for code in [CloseCode.noStatus, .abnormal, .tlsHandshake, CloseCode(rawValue: 0)] {
            var machine = WebSocketMachine(role: .server)
            var bytes: [UInt8] = []
            machine.appendClose(code, reason: "x", into: &bytes)
            #expect(bytes == [0x88, 0])
        }
    }

    @Test func aLongReasonIsCutBetweenCharacters() {
        var machine = WebSocketMachine(role: .server)
        var bytes: [UInt8] = []
        machine.appendClose(.normal, reason: String(repeating: "é", count: 100), into: &bytes)
        #expect(WireTranscript.of(bytes, step: 1, role: .client) == [.close(1000, String(repeating: "é", count: 61))])
    }

    @Test func aLongPingIsCut() {
        var machine = WebSocketMachine(role: .server)
        var bytes: [UInt8] = []
        machine.appendPing([UInt8](repeating: 1, count: 200), into: &bytes)
        #expect(bytes.count == 127)
    }

    @Test func aBroadcastFrameIsWhatTheMachineWrites() {
        var machine = WebSocketMachine(role: .server)
        var bytes: [UInt8] = []
        let payload = [UInt8](repeating: 0x61, count: 300)
        machine.appendMessage(.text, payload, into: &bytes)
        #expect(FrameWriter.serverTextFrame(payload) == bytes)
    }

    @Test func theExamplesOfTheStandardAreReproduced() {
        // RFC 6455 5.7.
        var bytes: [UInt8] = []
        FrameWriter.append(opcode: .text, payload: Array("Hello".utf8), into: &bytes)
        #expect(bytes == [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        bytes = []
        FrameWriter.append(opcode: .text, payload: Array("Hello".utf8), maskKey: 0x37fa_213d, into: &bytes)
        #expect(bytes == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
    }

    @Test func everyClientFrameHasAKeyOfItsOwn() {
        var machine = WebSocketMachine(role: .client, maskSeed: 7)
        var keys: Set<[UInt8]> = []
        for _ in 0..<100 {
            var bytes: [UInt8] = []
            machine.appendPing(into: &bytes)
            keys.insert(Array(bytes[2..<6]))
        }
        #expect(keys.count == 100)
    }
}
