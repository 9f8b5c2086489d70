internal import Causality
internal import Wire

/// A stored row as the client takes it: its id, and columns of strings, numbers, booleans and null.
enum RowText {
    /// What the client's code puts into its queries; it trusts ids to be of these.
    static func isID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= Identifier.bytesMax
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Appends the row. What an app pushed is passed on byte for byte; of what came another way the columns that no
    /// row may have are left out.
    static func put(_ change: Change, into out: inout [UInt8]) {
        change.body.withUnsafeBytes { body in
            var scanner = JSONScanner(body)
            guard let fields = try? RowFields(&scanner) else {
                out.put("{\"id\":")
                out.putString(change.id.text)
                out.put("}")
                return
            }
            let hasID = fields.id.flatMap { scanner.string(at: $0) } == change.id.text
            if hasID, !fields.hasOwnFields, fields.unfit == nil {
                out.append(contentsOf: body)
                return
            }
            out.put("{\"id\":")
            out.putString(change.id.text)
            for column in fields.columns {
                out.put(",")
                out.append(contentsOf: body[column.nameText])
                out.put(":")
                out.append(contentsOf: body[column.value])
            }
            out.put("}")
        }
    }

    /// Whether one of `names` has another value than a column that was just added: 0, "", false, null.
    static func hasValue(_ change: Change, in names: Set<String>) -> Bool {
        change.body.withUnsafeBytes { body in
            var scanner = JSONScanner(body)
            guard let fields = try? RowFields(&scanner) else { return false }
            return fields.columns.contains { names.contains($0.name) && !isDefault(body[$0.value]) }
        }
    }

    private static func isDefault(_ value: Slice<UnsafeRawBufferPointer>) -> Bool {
        switch value.first {
        case UInt8(ascii: "n"), UInt8(ascii: "f"): true
        case UInt8(ascii: "\""): value.count == 2
        case UInt8(ascii: "t"): false
        default:
            // A number is 0 when all digits before its exponent are.
            !value.prefix { $0 | 0x20 != UInt8(ascii: "e") }.contains { (0x31...0x39).contains($0) }
        }
    }
}
