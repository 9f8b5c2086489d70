import Causality
import Storage
import Testing

@testable import Hub

/// The lines and payloads between hubs.
@Suite("Bus lines")
struct BusLineTests {
    private let hub = "0123456789abcdef"
    private let names: [Identifier] = ["u_1", "a b", "%", "caf\u{e9}", "-._", "\u{1F514}"]

    @Test("what is written is read again, whatever the names")
    func roundTrip() throws {
        let lines: [BusLine] = [
            .committed(Generation(.max), names.map { .init(space: $0, after: .start, upTo: .max) }),
            .seated(names.map { .init(user: $0, device: "d", stamp: 1_790_000_000_000_000) }),
            .streams(names.map { .init(user: $0, count: 128) }), .revoked, .stopped,
        ]
        for line in lines {
            let texts = line.lines(of: hub)
            #expect(texts.count == 1 && !texts[0].contains("\n"))
            let parsed = try #require(BusLine.parse(texts[0]))
            #expect(parsed.hub == hub && parsed.line == line)
        }
    }

    @Test("many spaces are as few lines as hold them, none too long")
    func split() throws {
        let stretches = (0..<1_000).map {
            BusLine.Stretch(
                space: Identifier(unchecked: "u_" + String(repeating: "\u{e9}", count: 100) + "\($0)"),
                after: Position(Int64($0)), upTo: .max)
        }
        let lines = BusLine.committed(Generation(1), stretches).lines(of: hub)
        #expect(lines.allSatisfy { $0.utf8.count <= BusMessage.lineBytesMax })
        var read: [BusLine.Stretch] = []
        for line in lines {
            guard case .committed(Generation(1), let part) = BusLine.parse(line)?.line else { break }
            read += part
        }
        #expect(read == stretches)
        let bytes = lines.reduce(0) { $0 + $1.utf8.count }
        #expect(lines.count <= bytes / (BusMessage.lineBytesMax - 1_000) + 1)
    }

    @Test("payloads are read whole or not at all: no cut, no other byte, no place outside of the stretch")
    func payloads() throws {
        var entries: [LogEntry] = []
        for number: Int64 in 1...3 {
            let change = Change(
                kind: "note", id: Identifier(unchecked: "\(number)"),
                clock: VectorClock([.init(replica: "d", counter: 1)]), hash: "h", body: Array("{}".utf8)[...])
            entries.append(
                LogEntry(
                    position: Position(10 + number), author: number == 2 ? "" : "d", change: change,
                    isSibling: number == 3))
        }
        let items = BroadcastItem.encode(entries)
        let bytes = try #require(ItemPayload.encode(items, bytesMax: 4_096))
        #expect(ItemPayload.encode(items, bytesMax: bytes.count - 1) == nil)
        func read(_ bytes: [UInt8], _ after: Int64 = 10, _ upTo: Int64 = 13) -> [BroadcastItem]? {
            ItemPayload.decode(bytes, after: Position(after), upTo: Position(upTo), bytesMax: 4_096)
        }
        let again = try #require(read(bytes))
        #expect(again.map(\.position) == items.map(\.position) && again.map(\.encoded) == items.map(\.encoded))
        #expect(again.map(\.author) == ["d", "", "d"] && again.map(\.isSibling) == [false, false, true])
        #expect(read(bytes, 11) == nil && read(bytes, 10, 12) == nil && read(bytes + [0]) == nil)
        for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == nil) }
        // Any other byte: whatever comes of it has a good form, and nothing traps.
        for index in bytes.indices {
            for bit in 0..<8 {
                var wrong = bytes
                wrong[index] ^= 1 << bit
                for item in read(wrong) ?? [] { #expect(item.encoded.first == UInt8(ascii: "{")) }
            }
        }
    }

    @Test("a follow announces in order, reads what is missing once and never waits for what is not there")
    func follow() {
        func stretch(_ after: Int64, _ upTo: Int64) -> Broadcast {
            Broadcast("s", after: Position(after), upTo: Position(upTo), items: [], generation: Generation(1))
        }
        var told: [Int64] = []
        let post: (Broadcast) -> Void = { told.append($0.upTo.microseconds) }
        var follow = Follow(shard: 0, of: Generation(1), id: 1)
        let isBehindAtFirst = follow.wentLive(at: Position(10))
        #expect(!isBehindAtFirst)
        _ = follow.take(stretch(10, 11), post: post)
        _ = follow.take(stretch(10, 11), post: post)
        #expect(told == [11])
        // A gap, and two commits behind it, one of which comes first.
        guard case .gap(true) = follow.take(stretch(25, 26), post: post) else {
            Issue.record("no gap")
            return
        }
        guard case .gap(false) = follow.take(stretch(20, 25), post: post) else {
            Issue.record("no gap")
            return
        }
        let missing = follow.nextStretch()
        #expect(missing == Follow.Stretch(after: Position(11), upTo: Position(20)))
        follow.takeRead(stretch(11, 20), post: post)
        let afterGap = follow.nextStretch()
        #expect(told == [11, 20, 25, 26] && afterGap == nil)
        // Somebody tells of what is nowhere.
        let isToRead = follow.hear(Position(99))
        let rumoured = follow.nextStretch()
        follow.takeRead(stretch(26, 26), post: post)
        let afterRumour = follow.nextStretch()
        #expect(isToRead && rumoured != nil && afterRumour == nil && told.count == 4)
        guard case .gap(true) = follow.take(stretch(500, 501), post: post) else {
            Issue.record("no gap")
            return
        }
        let bogus = follow.nextStretch()
        follow.takeRead(stretch(26, 27), post: post)
        let afterBogus = follow.nextStretch()
        #expect(bogus != nil && afterBogus == nil && told.last == 27)
        // A subscriber who went live behind the others has what he lacks read.
        _ = follow.hear(Position(40))
        _ = follow.nextStretch()
        follow.takeRead(stretch(27, 40), post: post)
        let isBehind = follow.wentLive(at: Position(30))
        let last = follow.nextStretch()
        #expect(!isBehind && last == nil && told.last == 40)
    }
}
