internal import Glibc
internal import Wire

/// An export's lines on their way past: counts them, and keeps the last one, which says that nothing is missing.
public struct ExportStream: Sendable {
    /// The closing line's length at most. A cursor and a count have under 100 bytes.
    static let closingBytesMax = 4_096

    /// What the last line says.
    public struct Closing: Sendable, Equatable {
        /// Where a pull or a tail goes on.
        public let cursor: String
        public let count: Int

        /// Nil where `line` is an entry, or nothing of an export.
        public init?(_ line: some Sequence<UInt8>) {
            let bytes = Array(line)
            guard bytes.count <= ExportStream.closingBytesMax, let object = RawObject(bytes), object["kind"] == nil,
                let cursor = object.string("cursor"), let count = object.integer("count")
            else { return nil }
            self.cursor = cursor
            self.count = Int(count)
        }
    }

    /// Whole lines so far, the closing one counted.
    public private(set) var lineCount = 0
    public private(set) var byteCount = 0
    /// What stands behind the last line break but one: whole, or its first bytes.
    private var line: [UInt8] = []
    private var last: [UInt8] = []

    public init() {}

    public mutating func take(_ bytes: UnsafeRawBufferPointer) {
        byteCount += bytes.count
        var rest = bytes
        while let start = rest.baseAddress, let end = memchr(start, Int32(UInt8(ascii: "\n")), rest.count) {
            let count = UnsafeRawPointer(end) - start
            keep(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            lineCount += 1
            (last, line) = (line, [])
            rest = UnsafeRawBufferPointer(rebasing: rest[(count + 1)...])
        }
        keep(rest)
    }

    /// The closing line; nil where the export was cut off, and then it is none.
    public var closing: Closing? {
        guard line.isEmpty, let closing = Closing(last), closing.count == lineCount - 1 else { return nil }
        return closing
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let room = ExportStream.closingBytesMax + 1 - line.count
        if room > 0 { line += bytes.prefix(room) }
    }
}
