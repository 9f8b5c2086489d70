import CarillonClient
import Foundation
import Testing

@Suite("Reading lines")
struct LineReaderTests {
    private func lines(_ text: String, lineBytesMax: Int = 100, chunkBytes: Int) throws -> ([LineReader.Line], Int) {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try pipe.fileHandleForWriting.close()
        var reader = LineReader(
            descriptor: pipe.fileHandleForReading.fileDescriptor, lineBytesMax: lineBytesMax, chunkBytes: chunkBytes)
        var lines: [LineReader.Line] = []
        while let line = try reader.next() { lines.append(line) }
        return (lines, reader.bytesTaken)
    }

    private func text(_ text: String) -> LineReader.Line { .text(Array(text.utf8)) }

    @Test("gives the same lines however they come", arguments: [1, 2, 3, 7, 4_096])
    func isDripFed(chunkBytes: Int) throws {
        let (found, taken) = try lines("a\n\nbc\r\nlast", chunkBytes: chunkBytes)
        #expect(found == [text("a"), text(""), text("bc\r"), text("last")])
        #expect(taken == 11)
    }

    @Test("must wait where no whole line is there and nothing more has come, and not at the end")
    func mustWait() throws {
        let pipe = Pipe()
        let writing = pipe.fileHandleForWriting
        try writing.write(contentsOf: Data("a\nb\nc".utf8))
        var reader = LineReader(descriptor: pipe.fileHandleForReading.fileDescriptor)
        // Out of the macros: a reader cannot be copied.
        var line = try reader.next()
        #expect(line == text("a"))
        var waits = reader.mustWait
        #expect(!waits)
        line = try reader.next()
        #expect(line == text("b"))
        waits = reader.mustWait
        #expect(waits)
        try writing.write(contentsOf: Data("\n".utf8))
        waits = reader.mustWait
        #expect(!waits)
        line = try reader.next()
        #expect(line == text("c"))
        waits = reader.mustWait
        #expect(waits)
        try writing.close()
        waits = reader.mustWait
        #expect(!waits)
        line = try reader.next()
        #expect(line == nil)
        waits = reader.mustWait
        #expect(!waits)
    }

    @Test("passes over a line that is too long and goes on behind it", arguments: [1, 5, 4_096])
    func skipsLong(chunkBytes: Int) throws {
        let long = String(repeating: "x", count: 101)
        let (found, _) = try lines("a\n\(long)\nb\n\(long)", chunkBytes: chunkBytes)
        #expect(found == [text("a"), .tooLong, text("b"), .tooLong])
    }
}
