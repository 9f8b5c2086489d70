/// Walks over JSON text (RFC 8259), validates it, and says where each value lies. Copies nothing.
///
/// Two kinds of trouble: what is not JSON is thrown and ends the walk; nesting over ``JSONLimits/depthMax`` and lone
/// surrogates are JSON by the grammar, so the walk goes on and the first of them waits in ``fault``: a push loses only
/// the item in which it lies.
public struct JSONScanner {
    @usableFromInline let base: UnsafeRawPointer
    /// Where the next byte is read.
    public internal(set) var position: Int
    @usableFromInline let end: Int
    /// The first nesting or surrogate trouble since it was last taken.
    public private(set) var fault: JSONError?

    /// - Precondition: `bytes` outlives the scanner.
    public init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        position = 0
        end = bytes.count
    }

    /// Checks that `bytes` are one JSON value with nothing but white space around it, and returns where it lies.
    public static func validate(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> Range<Int> {
        var scanner = JSONScanner(bytes)
        let range = try scanner.value()
        try scanner.finish()
        if let fault = scanner.takeFault() { throw fault }
        return range
    }

    /// The waiting fault, which waits no more.
    public mutating func takeFault() -> JSONError? {
        defer { fault = nil }
        return fault
    }

    /// Skips white space; throws unless nothing follows.
    public mutating func finish() throws(JSONError) {
        skipSpace()
        if position < end { throw JSONError(.trailingBytes, at: position) }
    }

    /// The next byte after white space, not consumed; nil at the end.
    public mutating func peek() -> UInt8? {
        skipSpace()
        return position < end ? byte(position) : nil
    }

    /// Consumes `expected` after white space.
    public mutating func expect(_ expected: UInt8) throws(JSONError) {
        guard let found = peek() else { throw JSONError(.truncated, at: position) }
        guard found == expected else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
    }

    /// Consumes `wanted` after white space when it is next.
    public mutating func consume(_ wanted: UInt8) -> Bool {
        guard peek() == wanted else { return false }
        position += 1
        return true
    }

    /// Consumes a field's name and its colon; returns where the name lies, without its quotes.
    public mutating func fieldName() throws(JSONError) -> Range<Int> {
        guard let found = peek() else { throw JSONError(.truncated, at: position) }
        guard found == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
        let start = position + 1
        try string()
        let name = start..<(position - 1)
        try expect(UInt8(ascii: ":"))
        return name
    }

    /// Consumes one value, validates all of it, and returns where it lies without the white space around it.
    ///
    /// Iterative: nesting costs a bit, not a stack frame. Levels over the limit are kept in an array.
    public mutating func value() throws(JSONError) -> Range<Int> {
        skipSpace()
        let start = position
        // Bit n tells whether level n is an object. Levels past 64 go to `deeper`, a fault already.
        var levels: UInt64 = 0
        var depth = 0
        var deeper: [Bool] = []
        while true {
            // A value begins here.
            guard let first = peek() else { throw JSONError(.truncated, at: position) }
            switch first {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let isObject = first == UInt8(ascii: "{")
                if depth >= JSONLimits.depthMax {
                    note(.tooDeep, at: position)
                    deeper.append(isObject)
                } else {
                    let bit: UInt64 = 1 << UInt64(depth)
                    levels = isObject ? levels | bit : levels & ~bit
                }
                depth += 1
                position += 1
                if isObject {
                    if !consume(UInt8(ascii: "}")) {
                        _ = try fieldName()
                        continue
                    }
                } else if !consume(UInt8(ascii: "]")) {
                    continue
                }
                depth -= 1
                if depth >= JSONLimits.depthMax { deeper.removeLast() }
            case UInt8(ascii: "\""): try string()
            case UInt8(ascii: "t"): try literal("true")
            case UInt8(ascii: "f"): try literal("false")
            case UInt8(ascii: "n"): try literal("null")
            default: try number()
            }
            // A value ended here: close what ends with it, or go on to the next one.
            var isNext = false
            while depth > 0 && !isNext {
                let isObject: Bool
                if depth > JSONLimits.depthMax {
                    isObject = deeper[deeper.count - 1]
                } else {
                    isObject = levels & (1 << UInt64(depth - 1)) != 0
                }
                guard let mark = peek() else { throw JSONError(.truncated, at: position) }
                if mark == UInt8(ascii: ",") {
                    position += 1
                    if isObject { _ = try fieldName() }
                    isNext = true
                } else if mark == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    position += 1
                    depth -= 1
                    if depth >= JSONLimits.depthMax { deeper.removeLast() }
                } else {
                    throw JSONError(.unexpectedByte, at: position)
                }
            }
            if !isNext { return start..<position }
        }
    }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 {
        base.load(fromByteOffset: index, as: UInt8.self)
    }

    @inline(__always)
    mutating func skipSpace() {
        while position < end {
            switch byte(position) {
            case 0x20, 0x0a, 0x0d, 0x09: position += 1
            default: return
            }
        }
    }

    mutating func note(_ code: JSONError.Code, at offset: Int) {
        if fault == nil { fault = JSONError(code, at: offset) }
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        for index in 0..<text.utf8CodeUnitCount {
            guard position + index < end else { throw JSONError(.truncated, at: end) }
            guard byte(position + index) == text.utf8Start[index] else {
                throw JSONError(.unexpectedByte, at: position + index)
            }
        }
        position += text.utf8CodeUnitCount
    }

    /// RFC 8259 6: `[ minus ] int [ frac ] [ exp ]`.
    private mutating func number() throws(JSONError) {
        let start = position
        if byte(position) == UInt8(ascii: "-") { position += 1 }
        guard position < end else { throw JSONError(.truncated, at: position) }
        if byte(position) == UInt8(ascii: "0") {
            position += 1
            if position < end, isDigit(byte(position)) { throw JSONError(.badNumber, at: position) }
        } else if digits() == 0 {
            throw JSONError(position == start ? .unexpectedByte : .badNumber, at: position)
        }
        if position < end, byte(position) == UInt8(ascii: ".") {
            position += 1
            if digits() == 0 { throw JSONError(position < end ? .badNumber : .truncated, at: position) }
        }
        if position < end, byte(position) | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, byte(position) == UInt8(ascii: "+") || byte(position) == UInt8(ascii: "-") {
                position += 1
            }
            if digits() == 0 { throw JSONError(position < end ? .badNumber : .truncated, at: position) }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while position < end, isDigit(byte(position)) { position += 1 }
        return position - start
    }

    @inline(__always)
    func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
