import Compression
import Testing
@testable import WebSocket

/// Compressed messages (RFC 7692 6 and 7.2).
@Suite struct DeflateTests {
    private static let hello = WireTranscript.text(Array("Hello".utf8))

    private func read(
        _ frames: [UInt8], step: Int = .max, setting: PerMessageDeflate = PerMessageDeflate(serverTakesOver: true),
        limits: WebSocketLimits = WebSocketLimits()
    ) -> [WireTranscript] {
        var machine = WebSocketMachine(role: .client, limits: limits, deflate: setting)
        var events: [WireTranscript] = []
        for start in stride(from: 0, to: frames.count, by: min(step, frames.count)) {
            var piece = Array(frames[start..<min(start + min(step, frames.count), frames.count)])
            piece.withUnsafeMutableBytes {
                machine.receive($0)
                while let event = machine.next() { events.append(WireTranscript(event)) }
            }
        }
        #expect(machine.bufferedBytes == 0 || events.isEmpty || step != .max)
        return events
    }

    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        TestFrame(first: first, payload: payload).bytes(maskKey: nil)
    }

    @Test(
        "the examples of RFC 7692 7.2.3",
        arguments: [
            // 7.2.3.1: one compressed block; in two fragments.
            [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x41, 0x03, 0xF2, 0x48, 0xCD, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00],
            // 7.2.3.3: a block without compression.
            [0xC1, 0x0B, 0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            // 7.2.3.4: a final block, and without its last octet.
            [0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xC1, 0x07, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            // 7.2.3.5: two blocks in one message.
            [0xC1, 0x0D, 0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]])
    func examples(frames: [UInt8]) {
        for step in [1, 3, .max] { #expect(read(frames, step: step) == [Self.hello]) }
    }

    @Test("a window is shared between messages where that was agreed on, and only there (7.2.3.2)")
    func sharedWindow() {
        let first: [UInt8] = [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let second: [UInt8] = [0xC1, 0x05, 0xF2, 0x00, 0x11, 0x00, 0x00]
        #expect(read(first + second) == [Self.hello, Self.hello])
        // A final block does not end the window.
        let final: [UInt8] = [0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]
        #expect(read(final + second) == [Self.hello, Self.hello])
        #expect(read(first + second, setting: PerMessageDeflate()) == [Self.hello, .failed(1007)])
    }

    @Test("an empty message is one octet (7.2.3.6), and messages that are not compressed may stand between")
    func emptyAndPlain() {
        #expect(read([0xC1, 0x01, 0x00, 0x81, 0x01, 0x61, 0xC2, 0x00]) == [.text([]), .text([0x61]), .binary([])])
    }

    @Test("RSV1 stands on the first frame of a data message only, and only where it was agreed on")
    func reservedBits() {
        let start: [UInt8] = [0x41, 0x03, 0xF2, 0x48, 0xCD]
        #expect(read(start + [0xC0, 0x04, 0xC9, 0xC9, 0x07, 0x00]) == [.failed(1002)])
        #expect(read([0xC9, 0x00]) == [.failed(1002)])
        #expect(read([0xA1, 0x00]) == [.failed(1002)])
        #expect(read(start + [0x89, 0x00, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00]) == [.ping([]), Self.hello])
        #expect(WireTranscript.of(start, step: 100, role: .client) == [.failed(1002)])
    }

    @Test("what is no DEFLATE, is cut short, or is no UTF-8 once inflated fails with 1007")
    func invalid() throws {
        #expect(read([0xC1, 0x02, 0xFF, 0xFF]) == [.failed(1007)])
        #expect(read([0xC1, 0x03, 0xF2, 0x48, 0xCD]) == [.failed(1007)])
        let shared = SharedDeflate()
        var wrong: [UInt8] = []
        let letters = [UInt8](repeating: 0xE4, count: 300)
        #expect(letters.withUnsafeBytes { shared.compress($0, windowBits: 15, into: &wrong) })
        #expect(read(Self.frame(0xC1, wrong)) == [.failed(1007)])
        #expect(read(Self.frame(0xC2, wrong)) == [.binary(letters)])
        var cut: [UInt8] = []
        let text = Array(String(repeating: "a", count: 300).utf8) + [0xC3]
        #expect(text.withUnsafeBytes { shared.compress($0, windowBits: 15, into: &cut) })
        #expect(read(Self.frame(0xC1, cut)) == [.failed(1007)])
    }

    @Test("a bomb of 1 MiB that would be 1 GiB is stopped at the bound on bytes or on the ratio, with 1009")
    func bombs() throws {
        let deflater = try Deflater(.deflate(windowBits: 15), level: 9)
        let zeros = [UInt8](repeating: 0x30, count: 1 << 20)
        var bomb: [UInt8] = []
        for _ in 0..<1_024 { zeros.withUnsafeBytes { deflater.deflate($0, .sync, into: &bomb) } }
        let frame = Self.frame(0xC1, bomb)
        var limits = WebSocketLimits()
        #expect(read(frame, limits: limits) == [.failed(1009)])
        limits.inflateRatioMax = 5_000
        #expect(read(frame, limits: limits) == [.failed(1009)])
        limits.messageBytesMax = 300
        #expect(read(Self.frame(0xC1, Array(bomb.prefix(200))), limits: limits) == [.failed(1009)])
        // A short message may be as dense as it likes.
        let row = [UInt8](repeating: 0x30, count: 200 << 10)
        let dense = try Self.densest(row)
        #expect(read(Self.frame(0xC1, dense)) == [.text(row)])
        // Only not one after the other, be they as short as they like.
        let bombs = Self.frame(0xC1, dense) + Self.frame(0xC1, dense)
        #expect(read(bombs) == [.text(row), .failed(1009)])
        let small = try Self.densest(Array(row.prefix(20_000)))
        let events = read((0..<2_000).flatMap { _ in Self.frame(0xC1, small) })
        #expect(events.last == .failed(1009))
        #expect(events.count < 500)
    }

    private static func densest(_ payload: [UInt8]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let deflater = try Deflater(.deflate(windowBits: 15), level: 9)
        payload.withUnsafeBytes { deflater.deflate($0, .sync, into: &bytes) }
        return Array(bytes.dropLast(4))
    }

    @Test("what dense messages have spent is made good by others")
    func credit() {
        let shared = SharedDeflate(ratioMax: .max)
        func frame(_ payload: [UInt8]) -> [UInt8] {
            var bytes: [UInt8] = []
            payload.withUnsafeBytes { _ = shared.compress($0, windowBits: 15, into: &bytes) }
            return Self.frame(0xC1, bytes)
        }
        let row = [UInt8](repeating: 0x30, count: 200 << 10)
        let usual = Array((0..<3_000).map { "{\"n\":\($0)}" }.joined(separator: ",").utf8)
        let round = frame(row) + frame(usual)
        let events = read((0..<20).flatMap { _ in round })
        #expect(events == (0..<20).flatMap { _ in [WireTranscript.text(row), .text(usual)] })
    }

    @Test("what a peer with our bounds would take for a bomb goes as it is, and is referred to by nothing")
    func tooDenseToSend() {
        let row = [UInt8](repeating: 0x30, count: 1 << 20)
        let word = Array(String(repeating: "word ", count: 40).utf8)
        for takesOver in [false, true] {
            let setting = PerMessageDeflate(serverTakesOver: takesOver)
            var machine = WebSocketMachine(role: .server, deflate: setting)
            var bytes: [UInt8] = []
            machine.appendMessage(.text, word, into: &bytes)
            let start = bytes.count
            machine.appendMessage(.text, row, into: &bytes)
            #expect(bytes[0] == 0xC1)
            #expect(bytes[start] == 0x81)
            machine.appendMessage(.text, word + row.prefix(300), into: &bytes)
            #expect(read(bytes, setting: setting) == [.text(word), .text(row), .text(word + row.prefix(300))])
        }
    }

    @Test("every window and takeover carries random messages both ways, fragmented as they come", arguments: 9...15)
    func roundTrips(windowBits: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(state: seed)
        for (serverTakesOver, clientTakesOver) in [(false, false), (true, false), (false, true), (true, true)] {
            let setting = PerMessageDeflate(
                serverTakesOver: serverTakesOver, clientTakesOver: clientTakesOver, serverWindowBits: windowBits,
                clientWindowBits: 24 - windowBits)
            let shared = SharedDeflate()
            for role in [WebSocketRole.server, .client] {
                var from = WebSocketMachine(role: role, deflate: setting, shared: shared, maskSeed: seed)
                var to = WebSocketMachine(
                    role: role == .server ? .client : .server, deflate: setting, shared: shared)
                for _ in 0..<30 {
                    let message = Self.message(&generator)
                    var bytes: [UInt8] = []
                    from.appendMessage(.binary, message, into: &bytes)
                    let step = [1, 100, 65_536].randomElement(using: &generator) ?? 1
                    var heard: [WireTranscript] = []
                    for start in stride(from: 0, to: bytes.count, by: step) {
                        var piece = Array(bytes[start..<min(start + step, bytes.count)])
                        piece.withUnsafeMutableBytes {
                            to.receive($0)
                            while let event = to.next() { heard.append(WireTranscript(event)) }
                        }
                    }
                    #expect(heard == [.binary(message)], "seed \(seed)")
                }
            }
            #expect(shared.inflatedCount > 0)
        }
    }

    private static func message(_ generator: inout SeededGenerator) -> [UInt8] {
        let count = [0, 1, 127, 128, 600, 5_000, 70_000].randomElement(using: &generator) ?? 0
        let word = Array("\"kind\":\"note\",".utf8)
        let isNoise = Bool.random(using: &generator)
        return (0..<count).map {
            isNoise || $0 % 50 == 0 ? UInt8.random(in: 0...255, using: &generator) : word[$0 % word.count]
        }
    }

    @Test("short messages, and those that would grow, go as they are")
    func threshold() {
        let setting = PerMessageDeflate()
        var machine = WebSocketMachine(role: .server, deflate: setting)
        var bytes: [UInt8] = []
        machine.appendMessage(.text, [UInt8](repeating: 0x61, count: 127), into: &bytes)
        #expect(bytes[0] == 0x81)
        bytes = []
        machine.appendMessage(.text, [UInt8](repeating: 0x61, count: 128), into: &bytes)
        #expect(bytes[0] == 0xC1)
        #expect(bytes.count < 20)
        bytes = []
        var generator = SeededGenerator(state: 1)
        let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
        machine.appendMessage(.binary, noise, into: &bytes)
        #expect(bytes[0] == 0x82)
    }

    @Test("an end that refers to no earlier message keeps nothing between two of them")
    func keepsNothing() {
        let payload = Array((0..<6_000).map { "told \($0), " }.joined().utf8)
        let shared = SharedDeflate()
        for isKept in [false, true] {
            let setting = PerMessageDeflate(serverTakesOver: isKept, clientTakesOver: isKept)
            var machine = WebSocketMachine(role: .server, deflate: setting, shared: shared)
            var client = WebSocketMachine(role: .client, deflate: setting, shared: shared)
            var bytes: [UInt8] = []
            client.appendMessage(.text, payload, into: &bytes)
            #expect(bytes[0] == 0xC1)
            bytes.withUnsafeMutableBytes {
                machine.receive($0)
                while machine.next() != nil {}
            }
            bytes = []
            machine.appendMessage(.text, payload, into: &bytes)
            #expect((machine.ownInflater != nil) == isKept)
            #expect((machine.ownDeflater != nil) == isKept)
            #expect(machine.bufferedBytes == 0)
            #expect(machine.compressed.capacity == 0)
        }
    }

    @Test("fragments that hold nothing, and control frames between them, are read to their bounds")
    func fragments() {
        let start: [UInt8] = [0x41, 0x03, 0xF2, 0x48, 0xCD]
        let end: [UInt8] = [0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00]
        let empty: [UInt8] = [0x00, 0x00, 0x89, 0x00]
        var limits = WebSocketLimits()
        limits.fragmentsMax = 1_000
        let good = read(start + (0..<998).flatMap { _ in empty } + end, limits: limits)
        #expect(good.count == 999)
        #expect(good.last == Self.hello)
        let flood = read(start + (0..<1_000).flatMap { _ in empty } + end, limits: limits)
        #expect(flood.last == .failed(1009))
        #expect(flood.count == 1_000)
    }

    @Test("a message for a whole room is what each of its members would be sent")
    func roomMessages() {
        let payload = Array(String(repeating: "{\"a\":1}", count: 60).utf8)
        let shared = SharedDeflate()
        var room: [UInt8] = []
        FrameWriter.appendServerText(payload, windowBits: 12, by: shared, into: &room)
        var machine = WebSocketMachine(
            role: .server, deflate: PerMessageDeflate(serverWindowBits: 12), shared: shared)
        var own: [UInt8] = []
        machine.appendMessage(.text, payload, into: &own)
        #expect(room == own)
        #expect(room[0] == 0xC1)
        #expect(shared.compressedCount == 2)
    }
}
