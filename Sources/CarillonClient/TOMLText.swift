/// The part of TOML 1.0 that a configuration of ours needs: tables, and strings under bare or quoted keys.
///
/// Strict: what we do not read is an error that names its line, never passed over. A key that was misspelt and silently
/// left out costs an hour.
public struct TOMLText: Sendable, Equatable {
    /// Why a text is none of ours.
    public struct Problem: Error, Sendable, Equatable {
        /// From 1.
        public let line: Int
        public let sentence: String
    }

    /// The value of a key, and where it stands.
    public struct Value: Sendable, Equatable {
        public let text: String
        public let line: Int
    }

    public struct Table: Sendable, Equatable {
        public var values: [String: Value] = [:]
        /// Where its header stands; 0 of the top.
        public var line = 0
    }

    /// By their names' parts; the top of the file is `[]`.
    public private(set) var tables: [[String]: Table] = [[]: Table()]

    public init(parsing text: String) throws(Problem) {
        var current: [String] = []
        // Scalars: as characters, a line break of Windows is one with what stands before it.
        // Some editors begin a file with a byte order mark, which says nothing in UTF-8.
        let scalars =
            text.unicodeScalars.first == "\u{feff}" ? text.unicodeScalars.dropFirst() : text.unicodeScalars[...]
        let lines = scalars.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, scalars) in lines.enumerated() {
            var rest = scalars
            if rest.last == "\r" { rest.removeLast() }
            var line = TOMLLine(rest, number: index + 1)
            if line.isOver { continue }
            if line.consume("[") {
                current = try line.tableName()
                guard tables[current] == nil else { throw line.problem("the table stands twice") }
                tables[current] = Table(line: index + 1)
            } else {
                let key = try line.key()
                guard line.consume("=") else { throw line.problem("a key is followed by =") }
                let value = Value(text: try line.string(), line: index + 1)
                guard tables[current, default: Table()].values.updateValue(value, forKey: key) == nil else {
                    throw line.problem("\(key) stands twice")
                }
            }
            guard line.isOver else { throw line.problem("something stands behind the end of the line's value") }
        }
    }
}

/// One line of TOML while it is read.
private struct TOMLLine {
    private var rest: String.UnicodeScalarView.SubSequence
    private let number: Int

    init(_ rest: String.UnicodeScalarView.SubSequence, number: Int) {
        self.rest = rest
        self.number = number
    }

    func problem(_ sentence: String) -> TOMLText.Problem { TOMLText.Problem(line: number, sentence: sentence) }

    /// Nothing but white space and a comment is left.
    var isOver: Bool {
        mutating get {
            skipSpace()
            return rest.isEmpty || rest.first == "#"
        }
    }

    mutating func consume(_ scalar: Unicode.Scalar) -> Bool {
        skipSpace()
        guard rest.first == scalar else { return false }
        rest.removeFirst()
        return true
    }

    /// Behind the opening bracket, to the closing one.
    mutating func tableName() throws(TOMLText.Problem) -> [String] {
        guard rest.first != "[" else { throw problem("lists of tables are not read here") }
        var parts: [String] = []
        repeat { parts.append(try key()) } while consume(".")
        guard consume("]") else { throw problem("the table's name ends with ]") }
        return parts
    }

    /// TOML 1.0, Keys: letters, digits, dashes and underscores, or a string.
    mutating func key() throws(TOMLText.Problem) -> String {
        skipSpace()
        if rest.first == "\"" || rest.first == "'" { return try string() }
        let name = rest.prefix { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": true
            default: false
            }
        }
        guard !name.isEmpty else { throw problem("a key has letters, digits, - and _, or stands in quotes") }
        rest = rest[name.endIndex...]
        return String(name)
    }

    mutating func string() throws(TOMLText.Problem) -> String {
        skipSpace()
        guard let quote = rest.first, quote == "\"" || quote == "'" else {
            throw problem("a value is a string in quotes; numbers, lists and dates are not read here")
        }
        rest.removeFirst()
        if rest.starts(with: [quote, quote]) { throw problem("strings of several lines are not read here") }
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            if scalar == quote { return String(text) }
            if scalar == "\\", quote == "\"" {
                text.append(try escaped())
            } else if scalar.value < 0x20 && scalar != "\t" || scalar.value == 0x7f {
                throw problem("a string holds a control character")
            } else {
                text.append(scalar)
            }
        }
        throw problem("a string is not closed")
    }

    private mutating func escaped() throws(TOMLText.Problem) -> Unicode.Scalar {
        switch rest.popFirst() {
        case "b": return "\u{8}"
        case "t": return "\t"
        case "n": return "\n"
        case "f": return "\u{c}"
        case "r": return "\r"
        case "\"": return "\""
        case "\\": return "\\"
        case "u": return try unicode(digits: 4)
        case "U": return try unicode(digits: 8)
        default: throw problem("this escape is none of TOML's")
        }
    }

    private mutating func unicode(digits: Int) throws(TOMLText.Problem) -> Unicode.Scalar {
        let text = String(rest.prefix(digits))
        guard text.utf8.count == digits, let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw problem("\\u is followed by four hexadecimal digits of a character, \\U by eight")
        }
        rest.removeFirst(digits)
        return scalar
    }

    private mutating func skipSpace() {
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
    }
}
