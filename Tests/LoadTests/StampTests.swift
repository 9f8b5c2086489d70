import Testing

@testable import Load

@Suite("Stamps and frames")
struct StampTests {
    private func body(_ stamp: Stamp, count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { stamp.write(to: base, count: count) }
        }
        return bytes
    }

    @Test("a body of any size is JSON and says what was written", arguments: [48, 49, 128, 1_000])
    func roundTrip(count: Int) throws {
        let stamp = Stamp(run: 0xdead_beef, publisher: 77, sequence: 4_000_000_000, intended: 1 << 47)
        let bytes = body(stamp, count: count)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("{\"load\":\"deadbeef.00004d.ee6b2800.800000000000"))
        #expect(text.hasSuffix("\"}"))
        #expect(text.filter { $0 == "\"" }.count == 4)
        let read = bytes.withUnsafeBytes { $0.baseAddress.flatMap { Stamp($0) } }
        #expect(read == stamp)
    }

    @Test("what is no stamp is not read as one")
    func foreign() {
        let bytes = Array("{\"load\":\"a plain text that is long enough for a stamp, and none\"}".utf8)
        #expect(bytes.withUnsafeBytes { $0.baseAddress.flatMap { Stamp($0) } } == nil)
    }

    @Test("a link is read wherever the hub puts its fields")
    func link() throws {
        for text in [
            "{\"type\":\"synced\",\"space\":\"own\",\"after\":\"c1.a\",\"up_to\":\"c1.b\"}",
            "{\"type\":\"changes\",\"after\":\"c1.a\",\"up_to\":\"c1.b\",\"space\":\"own\",\"changes\":[]}",
        ] {
            let bytes = Array(text.utf8)
            try bytes.withUnsafeBytes { buffer in
                let base = try #require(buffer.baseAddress)
                let link = try #require(Link(base, count: buffer.count))
                #expect(link.after.map { String(decoding: $0, as: UTF8.self) } == "c1.a")
                #expect(String(decoding: link.upTo, as: UTF8.self) == "c1.b")
            }
        }
    }

    @Test("a chain goes on only where it ended")
    func chain() {
        var place = ChainPlace()
        let (first, other) = (Array("c1.aa".utf8), Array("c1.ab".utf8))
        first.withUnsafeBytes { first in
            other.withUnsafeBytes { other in
                let atStart = place.goesOn(at: other)
                place.move(to: first)
                let (same, different, none) = (place.goesOn(at: first), place.goesOn(at: other), place.goesOn(at: nil))
                #expect(atStart)
                #expect(same)
                #expect(!different)
                #expect(!none)
                #expect(place.text == "c1.aa")
            }
        }
    }
}
