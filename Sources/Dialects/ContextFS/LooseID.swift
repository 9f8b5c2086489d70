internal import Wire

/// The `id` of an item that is not JSON, so that its refusal can name it.
enum LooseID {
    /// Walks over the item's own fields by quotes and brackets alone; nil where none of them is an id.
    static func find(_ bytes: UnsafeRawBufferPointer) -> String? {
        var depth = 0
        var index = 0
        var text: Range<Int>?
        var isID = false
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let start = index + 1
                index = end(of: bytes, from: start)
                guard depth == 1 else { break }
                if isID { return value(bytes, start..<index) }
                text = start..<index
            case UInt8(ascii: ":") where depth == 1:
                isID = text.map { bytes[$0].elementsEqual("id".utf8) } ?? false
                text = nil
            case UInt8(ascii: ","): isID = false
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func end(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }

    /// Nil where it cannot be repeated to its sender.
    private static func value(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String? {
        guard range.count <= 1_024, range.upperBound < bytes.count else { return nil }
        let quoted = UnsafeRawBufferPointer(rebasing: bytes[(range.lowerBound - 1)..<(range.upperBound + 1)])
        guard let place = try? JSONScanner.validate(quoted) else { return nil }
        return JSONScanner(quoted).string(at: place)
    }
}
