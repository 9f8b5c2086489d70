internal import Wire

/// Where the columns of a row lie in JSON text. Values are passed on byte for byte and never read.
struct RowFields {
    struct Column {
        let name: String
        /// With its quotes, as it was written.
        let nameText: Range<Int>
        let value: Range<Int>
    }

    /// All but `id`, and but what the client keeps for itself (`_status`, `_changed`).
    private(set) var columns: [Column] = []
    /// The value of `id`.
    private(set) var id: Range<Int>?
    /// The first column that no row may have: an object or a list, half a surrogate pair, a second `id`.
    private(set) var unfit: (name: String, reason: String)?
    /// Whether the text has what a row must not show.
    private(set) var hasOwnFields = false

    /// Consumes an object.
    init(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.eachField { (scanner, name) throws(JSONError) in
            let nameText = (name.lowerBound - 1)..<(name.upperBound + 1)
            let text = scanner.string(at: nameText) ?? ""
            let first = scanner.peek()
            let value = try scanner.value()
            let fault = scanner.takeFault()
            switch text {
            case "_status", "_changed": hasOwnFields = true
            case "id" where id == nil: id = value
            default:
                if let reason = RowFields.unfitness(first, fault, isRepeated: text == "id") {
                    if unfit == nil { unfit = (text, reason) }
                } else {
                    columns.append(Column(name: text, nameText: nameText, value: value))
                }
            }
        }
    }

    private static func unfitness(_ first: UInt8?, _ fault: JSONError?, isRepeated: Bool) -> String? {
        if isRepeated { return "stands twice" }
        if let fault { return fault.code.sentence }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return nil }
        return "is an object or a list"
    }
}
