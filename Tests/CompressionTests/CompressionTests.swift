import Compression
import Testing

@Suite("Compression")
struct CompressionTests {
    @Test("formats are told apart by their window")
    func formats() {
        #expect(CompressionFormat.deflate(windowBits: 9) != .deflate(windowBits: 15))
    }
}
