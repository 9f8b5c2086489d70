/// What a line of an export, a pull or a push file is.
public enum ImportLine: Sendable, Equatable {
    case blank
    case change
    /// A version beside a head.
    case sibling
    /// The last line of an export.
    case closing(ExportStream.Closing)

    /// Does not check a change: that is for whoever pushes it.
    public static func sort(of line: [UInt8]) -> ImportLine {
        if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { return .blank }
        if let closing = ExportStream.Closing(line) { return .closing(closing) }
        // Bodies may be large: what does not hold the word anywhere is not read twice.
        guard contains(line, "\"sibling\""), RawObject(line)?.boolean("sibling") == true else { return .change }
        return .sibling
    }

    private static func contains(_ line: [UInt8], _ word: StaticString) -> Bool {
        let word = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        var rest = line[...]
        while let place = rest.firstIndex(of: word[0]) {
            rest = rest[place...]
            if rest.starts(with: word) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
