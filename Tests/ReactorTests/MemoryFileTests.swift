import Glibc
import Reactor
import Testing

@Suite("A file in memory")
struct MemoryFileTests {
    @Test("holds its bytes, from the beginning, for whoever reads them, and is closed when it is let go")
    func holds() throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var descriptor: Int32 = -1
        do {
            let file = try MemoryFile(bytes)
            descriptor = file.descriptor
            var buffer = [UInt8](repeating: 0, count: bytes.count + 1)
            #expect(read(descriptor, &buffer, buffer.count) == bytes.count)
            #expect(buffer.dropLast() == bytes[...])
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        }
        var status = stat()
        let isOpen = fstat(descriptor, &status) == 0
        // The number may be another file's by now, but not a nameless one of this length.
        #expect(!isOpen || status.st_size != bytes.count)
        let empty = try MemoryFile([])
        var byte: UInt8 = 0
        #expect(read(empty.descriptor, &byte, 1) == 0)
    }
}
