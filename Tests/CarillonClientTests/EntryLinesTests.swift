import Testing

@testable import CarillonClient

@Suite("Entry lines")
struct EntryLinesTests {
    private static let closing = #"{"cursor":"c1.x","count":3}"# + "\n"

    @Test(
        "everything but the closing line comes out, in whatever pieces the export comes",
        arguments: [1, 2, 7, 64, 5_000])
    func pieces(_ size: Int) {
        let long = #"{"kind":"k","id":"2","body":"\#(String(repeating: "x", count: 9_000))"}"#
        let entries = #"{"kind":"k","id":"1"}"# + "\n" + long + "\n" + #"{"kind":"k","id":"3"}"# + "\n"
        let whole = Array((entries + EntryLinesTests.closing).utf8)
        var (lines, counted, out): (EntryLines, ExportStream, [UInt8]) = (EntryLines(), ExportStream(), [])
        for start in stride(from: 0, to: whole.count, by: size) {
            whole[start..<min(start + size, whole.count)].withUnsafeBytes { piece in
                counted.take(piece)
                lines.take(piece) { out += $0 }
            }
        }
        #expect(String(decoding: out, as: UTF8.self) == entries)
        #expect(counted.closing?.count == 3)
    }

    @Test("an export of nothing has no line but the closing one")
    func empty() {
        var (lines, out): (EntryLines, [UInt8]) = (EntryLines(), [])
        Array(EntryLinesTests.closing.utf8).withUnsafeBytes { piece in lines.take(piece) { out += $0 } }
        #expect(out.isEmpty)
    }
}
