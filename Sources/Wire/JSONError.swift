/// Why bytes are not the JSON that was expected.
public struct JSONError: Error, Sendable, Equatable {
    public enum Code: Sendable, Equatable, CaseIterable {
        /// The text ends inside a value.
        case truncated
        /// A byte that no value, or not this one, may have here.
        case unexpectedByte
        /// RFC 8259 6: a leading zero, a bare sign or point, an empty exponent.
        case badNumber
        /// RFC 8259 7: an escape that is none.
        case badEscape
        /// RFC 8259 7: a byte under 0x20 in a string.
        case controlCharacter
        /// RFC 3629: overlong, a surrogate, over U+10FFFF, or cut short.
        case badUTF8
        /// A \u escape of half a character. RFC 8259 8.2 leaves it open; no database and no Swift string holds it.
        case loneSurrogate
        /// Nested over ``JSONLimits/depthMax``.
        case tooDeep
        /// Something follows the value.
        case trailingBytes
    }

    public let code: Code
    public let offset: Int

    public init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }
}

extension JSONError.Code {
    public var sentence: String {
        switch self {
        case .truncated: "the JSON ends inside a value"
        case .unexpectedByte: "this byte cannot stand here in JSON"
        case .badNumber: "this is not a JSON number"
        case .badEscape: "this is not a JSON escape"
        case .controlCharacter: "a control character stands unescaped in a string"
        case .badUTF8: "the text is not UTF-8"
        case .loneSurrogate: "an escape names half of a surrogate pair"
        case .tooDeep: "values are nested deeper than \(JSONLimits.depthMax) levels"
        case .trailingBytes: "something follows the JSON value"
        }
    }

    var errorCode: ErrorCode {
        switch self {
        case .tooDeep: .tooDeep
        case .loneSurrogate: .loneSurrogate
        case .truncated, .unexpectedByte, .badNumber, .badEscape, .controlCharacter, .badUTF8, .trailingBytes:
            .badJSON
        }
    }
}

/// What a JSON text may not exceed.
public enum JSONLimits {
    /// Deepest nesting of arrays and objects, the outermost counted.
    public static let depthMax = 64
}
