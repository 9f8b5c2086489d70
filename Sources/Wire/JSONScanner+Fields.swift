// Reading the fields of our own objects: first every value is validated and its place noted, then the few that a
// frame needs are read from places that are known to be sound.
extension JSONScanner {
    /// Consumes an object; `field` is called with the place of each name and must consume its value.
    public mutating func eachField(
        _ field: (inout JSONScanner, Range<Int>) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(UInt8(ascii: "{"))
        if consume(UInt8(ascii: "}")) { return }
        repeat {
            let name = try fieldName()
            try field(&self, name)
        } while consume(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// Consumes an array; `element` must consume each element.
    public mutating func eachElement(_ element: (inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        try expect(UInt8(ascii: "["))
        if consume(UInt8(ascii: "]")) { return }
        repeat { try element(&self) } while consume(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// Whether the name at `range` is `name`, escapes and all.
    @inline(__always)
    public func isName(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<range.count where byte(range.lowerBound + index) != name.utf8Start[index] { return false }
        return true
    }

    /// A scanner of the same bytes that begins at a value.
    public func at(_ value: Range<Int>) -> JSONScanner {
        var scanner = self
        scanner.position = value.lowerBound
        _ = scanner.takeFault()
        return scanner
    }

    /// The string at a validated value; nil where it is something else.
    public func string(at value: Range<Int>) -> String? {
        guard byte(value.lowerBound) == UInt8(ascii: "\"") else { return nil }
        return text((value.lowerBound + 1)..<(value.upperBound - 1))
    }

    /// The whole number at a validated value, written without a point or an exponent; nil where it is something else
    /// or has no place in 64 bits.
    public func integer(at value: Range<Int>) -> Int64? {
        var index = value.lowerBound
        let isNegative = byte(index) == UInt8(ascii: "-")
        if isNegative { index += 1 }
        guard index < value.upperBound, value.upperBound - index <= 19 else { return nil }
        var number: Int64 = 0
        while index < value.upperBound {
            let digit = byte(index) &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
            let (sum, isSumOver) = tens.addingReportingOverflow(Int64(digit))
            guard !isOver, !isSumOver else { return nil }
            number = sum
            index += 1
        }
        return isNegative ? -number : number
    }

    /// The text of the number at a validated value; nil where it is something else.
    public func numberText(at value: Range<Int>) -> [UInt8]? {
        let first = byte(value.lowerBound)
        guard isDigit(first) || first == UInt8(ascii: "-") else { return nil }
        return Array(UnsafeRawBufferPointer(start: base + value.lowerBound, count: value.count))
    }

    public func boolean(at value: Range<Int>) -> Bool? {
        switch byte(value.lowerBound) {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    public func isNull(at value: Range<Int>) -> Bool { byte(value.lowerBound) == UInt8(ascii: "n") }
}

/// Why an item or a field is not what it should be. Becomes a rejection of the item, or an error of the frame.
struct FieldProblem: Error {
    let code: ErrorCode
    let message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ fault: JSONError) {
        self.init(fault.code.errorCode, "\(fault.code.sentence), at byte \(fault.offset)")
    }

    static func missing(_ name: StaticString) -> FieldProblem {
        FieldProblem(.missingField, "the field `\(name)` is missing")
    }

    static func wrong(_ name: StaticString, _ wanted: String) -> FieldProblem {
        FieldProblem(.badField, "the field `\(name)` must be \(wanted)")
    }
}

/// Where the value of a known field lies. `null` counts as absent, but for a body.
struct FieldPlace {
    let name: StaticString
    private(set) var range: Range<Int>?
    private var isSeen = false

    init(_ name: StaticString) { self.name = name }

    /// Consumes the value and notes where it lies.
    mutating func take(_ scanner: inout JSONScanner, _ problem: inout FieldProblem?) throws(JSONError) {
        let value = try scanner.value()
        if let fault = scanner.takeFault(), problem == nil { problem = FieldProblem(fault) }
        if isSeen, problem == nil { problem = FieldProblem(.badField, "the field `\(name)` stands twice") }
        isSeen = true
        range = value
    }

    /// Notes the place of a value that was consumed otherwise.
    mutating func note(_ place: Range<Int>) {
        isSeen = true
        range = place
    }

    /// The string as far as it is one that can be repeated to its sender: no lone surrogates.
    func repeatable(_ scanner: JSONScanner) -> String? {
        guard let range, let text = scanner.string(at: range) else { return nil }
        var walker = scanner.at(range)
        guard (try? walker.value()) != nil, walker.takeFault() == nil else { return nil }
        return text
    }

    func string(_ scanner: JSONScanner) throws(FieldProblem) -> String? {
        guard let range, !scanner.isNull(at: range) else { return nil }
        guard let text = scanner.string(at: range) else { throw .wrong(name, "a string") }
        return text
    }

    func string(_ scanner: JSONScanner, bytesMax: Int) throws(FieldProblem) -> String? {
        guard let text = try string(scanner) else { return nil }
        guard text.utf8.count <= bytesMax else { throw .wrong(name, "a string of at most \(bytesMax) bytes") }
        return text
    }

    /// A text that goes into the store. Postgres takes no NUL in one, and all stores are alike.
    func storedText(_ scanner: JSONScanner, bytesMax: Int = .max) throws(FieldProblem) -> String? {
        let text = try string(scanner, bytesMax: bytesMax)
        guard text?.utf8.contains(0) != true else { throw .wrong(name, "a string without NUL (\\u0000)") }
        return text
    }

    func boolean(_ scanner: JSONScanner) throws(FieldProblem) -> Bool? {
        guard let range, !scanner.isNull(at: range) else { return nil }
        guard let value = scanner.boolean(at: range) else { throw .wrong(name, "true or false") }
        return value
    }

    func integer(_ scanner: JSONScanner, in allowed: ClosedRange<Int64>) throws(FieldProblem) -> Int64? {
        guard let range, !scanner.isNull(at: range) else { return nil }
        guard let value = scanner.integer(at: range), allowed.contains(value) else {
            throw .wrong(name, "a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return value
    }
}
