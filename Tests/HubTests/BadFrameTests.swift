import Foundation
import Hub
import HubTesting
import Testing
import WebSocket

/// Bytes on a WebSocket that break its rules, before the hello and within a session.
@Suite("Bad frames", .timeLimit(.minutes(5)))
struct BadFrameTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let closeCode: UInt16

        init(_ name: String, _ bytes: [UInt8], _ closeCode: UInt16 = 1002) {
            (testDescription, self.bytes, self.closeCode) = (name, bytes, closeCode)
        }

        private static let mask: [UInt8] = [0, 0, 0, 0]

        static let all: [Case] = [
            Case("reserved bit 1", [0xc1, 0x80] + mask), Case("reserved bit 2", [0xa1, 0x80] + mask),
            Case("reserved bit 3", [0x91, 0x80] + mask), Case("reserved bits of a ping", [0xf9, 0x80] + mask),
            Case("opcode 3", [0x83, 0x80] + mask), Case("opcode 7", [0x87, 0x80] + mask),
            Case("opcode 11", [0x8b, 0x80] + mask), Case("opcode 15", [0x8f, 0x80] + mask),
            Case("no mask", [0x81, 0x01, 0x20]), Case("no mask of a ping", [0x89, 0x00]),
            Case("a length that is not the shortest", [0x81, 0xfe, 0, 5] + mask),
            Case("a length of 64 bits that is not the shortest", [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff] + mask),
            Case("a negative length", [0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0] + mask),
            Case("the longest length", [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] + mask, 1009),
            Case("4 GiB", [0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0] + mask, 1009),
            Case("a ping in parts", [0x09, 0x80] + mask), Case("a close in parts", [0x08, 0x80] + mask),
            Case("a long ping", [0x89, 0xfe, 0, 126] + mask), Case("a long close", [0x88, 0xfe, 0, 126] + mask),
            Case("nothing to continue", [0x80, 0x80] + mask),
            Case("a message within a message", [0x01, 0x80] + mask + [0x01, 0x80] + mask),
            Case("text that is no UTF-8", [0x81, 0x82] + mask + [0xc3, 0x28], 1007),
            Case("overlong UTF-8", [0x81, 0x82] + mask + [0xc0, 0xaf], 1007),
            Case("a surrogate in UTF-8", [0x81, 0x83] + mask + [0xed, 0xa0, 0x80], 1007),
            Case("a close code of one byte", [0x88, 0x81] + mask + [3]),
            Case("a close code that is reserved", [0x88, 0x82] + mask + [0x03, 0xed]),
            Case("a close reason that is no UTF-8", [0x88, 0x83] + mask + [0x03, 0xe8, 0xff], 1007),
            Case("binary", [0x82, 0x81] + mask + [0], 1003),
            Case(
                "parts without end",
                [0x01, 0x80] + mask + Array(repeatElement([0x00, 0x80] + mask, count: 262_200).joined()), 1009),
        ]
    }

    @Test("the connection ends with the code of what was broken, and others are served on", arguments: Case.all)
    func broken(broken: Case) throws {
        let hub = try TestHub.impatient { $0.limits.requestSeconds = 30 }
        for hasHello in [false, true] {
            let device = try hub.device("bad")
            if hasHello { try device.hello(["live": false]) }
            // The hub may have closed before it has taken all.
            try? device.peer.write(broken.bytes)
            while try device.nextFrame(seconds: 10) != nil {}
            #expect(device.closeCode == broken.closeCode || device.isClosed && broken.bytes.count > 100_000)
        }
        if broken.closeCode != 1003 {
            let counts = hub.hub.metrics.refusals
            #expect((counts[.badFrame] ?? 0) + (counts[.messageTooLarge] ?? 0) == 2)
        }
        try hub.expectWell(broken.testDescription)
    }

    @Test("random bytes end a socket or are passed over, and nothing else happens")
    func random() throws {
        let hub = try TestHub.impatient()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<60 {
            let seed = generator.next()
            var state = seed
            let noise: [UInt8] = (0..<2_048).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 56)
            }
            for hasUpgrade in [false, true] {
                let peer = try SocketPeer(port: hub.port)
                if hasUpgrade {
                    try peer.write(Opening.upgrade + "\r\n")
                    _ = try peer.read(until: "\r\n\r\n")
                }
                try? peer.write(noise)
                peer.reset()
            }
        }
        try hub.expectWell()
    }
}
