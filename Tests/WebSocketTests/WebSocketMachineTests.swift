import Testing
import WebSocket

struct FrameSequence: Sendable {
    let frames: [TestFrame]
    let events: [WireTranscript]

    init(_ frames: [TestFrame], _ events: [WireTranscript]) {
        self.frames = frames
        self.events = events
    }
}

@Suite struct WebSocketMachineTests {
    private static func text(_ text: String) -> WireTranscript { .text(Array(text.utf8)) }
    private static let long = [UInt8](repeating: 0x78, count: 126)

    static let sequences: [FrameSequence] = [
        // Autobahn 1: framing.
        .init([.text("")], [text("")]),
        .init([.text("hello"), .raw(0x2, [0, 255])], [text("hello"), .binary([0, 255])]),
        .init([.raw(0x2, Array(long[..<125]))], [.binary(Array(long[..<125]))]),
        .init([.raw(0x2, long)], [.binary(long)]),
        .init([.raw(0x2, Array(repeating: 7, count: 65_535))], [.binary(Array(repeating: 7, count: 65_535))]),
        .init([.raw(0x2, Array(repeating: 7, count: 65_536))], [.binary(Array(repeating: 7, count: 65_536))]),
        // Autobahn 2: pings and pongs.
        .init([.raw(0x9), .raw(0x9, [1]), .raw(0xA, [2])], [.ping([]), .ping([1]), .pong([2])]),
        .init([.raw(0x9, Array(long[..<125]))], [.ping(Array(long[..<125]))]),
        .init([.raw(0x9, long)], [.failed(1002)]),
        // Autobahn 3: reserved bits.
        .init([.raw(0x1, reserved: 0x40)], [.failed(1002)]),
        .init([.raw(0x1, reserved: 0x20)], [.failed(1002)]),
        .init([.text("a"), .raw(0x9, reserved: 0x10)], [text("a"), .failed(1002)]),
        // Autobahn 4: reserved opcodes.
        .init([.raw(0x3)], [.failed(1002)]),
        .init([.raw(0x7, [1])], [.failed(1002)]),
        .init([.raw(0xB)], [.failed(1002)]),
        .init([.raw(0xF), .text("a")], [.failed(1002)]),
        // Autobahn 5: fragments.
        .init([.text("a", fin: false), .more("b", fin: false), .more("c")], [text("abc")]),
        .init([.text("", fin: false), .more("", fin: false), .more("")], [text("")]),
        .init([.text("", fin: false), .more("b")], [text("b")]),
        .init([.text("a", fin: false), .raw(0x9, [9]), .more("b"), .text("c")], [.ping([9]), text("ab"), text("c")]),
        .init([.raw(0x9, fin: false)], [.failed(1002)]),
        .init([.raw(0xA, fin: false)], [.failed(1002)]),
        .init([.more("a")], [.failed(1002)]),
        .init([.more("a", fin: false)], [.failed(1002)]),
        .init([.text("a", fin: false), .text("b")], [.failed(1002)]),
        .init([.text("a"), .more("b")], [text("a"), .failed(1002)]),
        // Autobahn 6: UTF-8.
        .init([.text("κόσμε")], [text("κόσμε")]),
        .init([.raw(0x1, [0xCE], fin: false), .raw(0x0, [0xBA])], [text("κ")]),
        .init([.raw(0x1, [0xCE])], [.failed(1007)]),
        .init([.raw(0x1, [0xED, 0xA0, 0x80])], [.failed(1007)]),
        .init([.raw(0x1, [0xC0, 0xAF])], [.failed(1007)]),
        .init([.raw(0x1, [0xF4, 0x90], fin: false)], [.failed(1007)]),
        .init([.raw(0x1, [0xF5], fin: false)], [.failed(1007)]),
        .init([.raw(0x2, [0xFF])], [.binary([0xFF])]),
        // Autobahn 7: close.
        .init([.raw(0x8), .text("a")], [.close(nil, "")]),
        .init([.raw(0x8, [3])], [.failed(1002)]),
        .init([.close(1000, Array("bye".utf8))], [.close(1000, "bye")]),
        .init([.close(1000, Array(long[..<123]))], [.close(1000, String(repeating: "x", count: 123))]),
        .init([.close(1000, Array(long[..<124]))], [.failed(1002)]),
        .init([.close(1000, [0xFF])], [.failed(1007)]),
        .init([.close(1000, [0xCE])], [.failed(1007)]),
        .init([.raw(0x8, [], fin: false)], [.failed(1002)]),
        .init([.text("a", fin: false), .close(1001), .more("b")], [.close(1001, "")]),
        // Lengths: minimal, and below 2^63.
        .init([TestFrame(first: 0x82, payload: [1], lengthOctets: 2)], [.failed(1002)]),
        .init([TestFrame(first: 0x82, payload: long, lengthOctets: 8)], [.failed(1002)]),
        .init([TestFrame(first: 0x82, payload: [], length: 1 << 63)], [.failed(1002)]),
        .init([TestFrame(first: 0x82, payload: [], length: (1 << 63) - 1)], [.failed(1009)]),
        .init([TestFrame(first: 0x82, payload: [], length: (16 << 20) + 1)], [.failed(1009)]),
        .init([TestFrame(first: 0x89, payload: [], length: 70_000)], [.failed(1002)]),
    ]

    @Test("The same frames give the same events however they come", arguments: sequences)
    func events(_ sequence: FrameSequence) {
        #expect(verified(sequence.frames) == sequence.events)
    }

    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
    func aValidCloseCodeIsAccepted(_ code: UInt16) {
        #expect(verified([.close(code)]) == [.close(code, "")])
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
    func anInvalidCloseCodeIsAProtocolError(_ code: UInt16) {
        #expect(verified([.close(code)]) == [.failed(1002)])
    }

    @Test func maskingIsTheClientsAndOnlyTheClients() {
        let masked = TestFrame.text("a").bytes(maskKey: 1)
        let plain = TestFrame.text("a").bytes(maskKey: nil)
        #expect(WireTranscript.of(plain, step: 1, role: .server) == [.failed(1002)])
        #expect(WireTranscript.of(masked, step: 1, role: .client) == [.failed(1002)])
    }

    @Test func limitsAreExact() {
        var limits = WebSocketLimits()
        limits.messageBytesMax = 4
        limits.fragmentsMax = 3
        #expect(verified([.text("abcd")], limits: limits) == [Self.text("abcd")])
        #expect(verified([.text("abcde")], limits: limits) == [.failed(1009)])
        #expect(verified([.text("ab", fin: false), .more("cd")], limits: limits) == [Self.text("abcd")])
        #expect(verified([.text("ab", fin: false), .more("cde")], limits: limits) == [.failed(1009)])
        let empty = TestFrame.more("", fin: false)
        #expect(verified([.text("", fin: false), empty, .more("")], limits: limits) == [Self.text("")])
        #expect(verified([.text("", fin: false), empty, empty, .more("")], limits: limits) == [.failed(1009)])
        limits.frameBytesMax = 2
        #expect(verified([.text("abc", fin: false)], limits: limits) == [.failed(1009)])
    }

    @Test func aWrongOctetFailsBeforeItsFrameIsWhole() {
        var machine = WebSocketMachine(role: .client)
        var bytes: [UInt8] = [0x81, 100, 0x61, 0xED, 0xA0]
        bytes.withUnsafeMutableBytes { buffer in
            machine.receive(buffer)
            #expect(machine.next().map(WireTranscript.init) == .failed(1007))
            #expect(machine.next() == nil)
        }
        #expect(machine.bufferedBytes == 0)
    }

    @Test func aWholeFrameIsDeliveredWhereItLies() {
        var machine = WebSocketMachine(role: .server)
        var bytes = TestFrame.text("hello").bytes(maskKey: 77)
        bytes.withUnsafeMutableBytes { buffer in
            machine.receive(buffer)
            guard case .text(let payload) = machine.next() else {
                Issue.record("no text")
                return
            }
            #expect(payload.baseAddress == UnsafeRawPointer(buffer.baseAddress?.advanced(by: 6)))
            #expect(machine.bufferedBytes == 0)
        }
    }

    @Test func memoryFollowsWhatCameAndNotWhatWasAnnounced() {
        var machine = WebSocketMachine(role: .client)
        func feed(_ bytes: [UInt8]) -> WireTranscript? {
            var bytes = bytes
            return bytes.withUnsafeMutableBytes {
                machine.receive($0)
                let event = machine.next().map(WireTranscript.init)
                #expect(machine.next() == nil)
                return event
            }
        }
        let count = 16 << 20
        #expect(feed(Array(TestFrame(first: 0x82, payload: [], length: UInt64(count)).bytes(maskKey: nil))) == nil)
        #expect(machine.bufferedBytes == 0)
        #expect(feed([1]) == nil)
        #expect(machine.bufferedBytes <= 512)
        #expect(feed([UInt8](repeating: 2, count: count - 2)) == nil)
        #expect(machine.bufferedBytes <= count)
        #expect(feed([3]) == .binary([1] + [UInt8](repeating: 2, count: count - 2) + [3]))
        #expect(machine.bufferedBytes == 0)
    }

    @Test func aMessageOfManyFragmentsArrives() {
        let count = 262_144
        var bytes = TestFrame.text("a", fin: false).bytes(maskKey: 5)
        let middle = TestFrame.more("b", fin: false).bytes(maskKey: 6)
        for _ in 0..<count - 2 { bytes += middle }
        bytes += TestFrame.more("c").bytes(maskKey: 7)
        let events = WireTranscript.of(bytes, step: 65_536)
        #expect(events == [Self.text("a" + String(repeating: "b", count: count - 2) + "c")])
    }

    @Test func mutatedFramesNeverTrapAndNeverDependOnTheirPieces() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(state: seed)
        let frames: [TestFrame] = [
            .text("hé", fin: false), .raw(0x9, [1, 2]), .more("llo"), .raw(0x2, Self.long), .close(1000, [0x61]),
        ]
        let original = frames.flatMap { $0.bytes(maskKey: 0x0102_0304) }
        for round in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<min(bytes.count, 40), using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: bytes.remove(at: place)
                }
            }
            let whole = WireTranscript.of(bytes, step: bytes.count)
            #expect(WireTranscript.of(bytes, step: 1) == whole, "seed \(seed), round \(round)")
            #expect(WireTranscript.of(bytes, step: 5) == whole, "seed \(seed), round \(round)")
        }
    }
}
