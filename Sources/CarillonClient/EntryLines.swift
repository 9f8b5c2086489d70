/// An export's entries on their way past, without its closing line: what may be that one is held back until more comes.
public struct EntryLines: Sendable {
    /// The beginning of the last line, or all of it.
    private var held: [UInt8] = []

    public init() {}

    /// Calls `write` with runs of bytes that are no part of the closing line.
    public mutating func take(
        _ bytes: UnsafeRawBufferPointer, write: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        guard !bytes.isEmpty else { return }
        var tail = bytes
        // The last line begins behind the last line end that is not the very end.
        if let end = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")) {
            let count = end + 1
            try held.withUnsafeBytes(write)
            held = []
            try write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            tail = UnsafeRawBufferPointer(rebasing: bytes[count...])
        } else if held.last == UInt8(ascii: "\n") {
            try held.withUnsafeBytes(write)
            held = []
        }
        guard held.count + tail.count > ExportStream.closingBytesMax else {
            held += tail
            return
        }
        // Longer than any closing line.
        try held.withUnsafeBytes(write)
        held = []
        try write(tail)
    }
}
