public import Causality

/// A place in a listing by name, as clients keep it: opaque text to them.
///
/// `n1.<kind, hex>.<id, hex>`, the names' UTF-8 in lower-case hexadecimal. It says a name that its bearer was told, and
/// is no secret.
public struct NameToken: Sendable, Equatable {
    /// Longest text: 2 + 512 + 512 digits and 2 dots.
    public static let textBytesMax = 4 + 4 * Identifier.bytesMax

    public let name: RecordName

    public init(_ name: RecordName) {
        self.name = name
    }

    /// nil when `text` is no token of ours.
    public init?(parsing text: String) {
        guard text.utf8.count <= NameToken.textBytesMax else { return nil }
        let parts = Array(text.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("n1".utf8), let kind = NameToken.identifier(parts[1]),
            let id = NameToken.identifier(parts[2])
        else { return nil }
        name = RecordName(kind: kind, id: id)
    }

    public var text: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func write(into out: inout [UInt8]) {
        out.put("n1")
        for part in [name.kind, name.id] {
            out.append(UInt8(ascii: "."))
            for byte in part.text.utf8 {
                out.append(hexDigit(byte >> 4))
                out.append(hexDigit(byte & 15))
            }
        }
    }

    private static func identifier(_ digits: ArraySlice<UInt8>) -> Identifier? {
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        var rest = digits
        while let high = rest.popFirst(), let low = rest.popFirst() {
            guard let upper = hexValue(high), let lower = hexValue(low) else { return nil }
            bytes.append(upper << 4 | lower)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return try? Identifier(text)
    }
}
