internal import Causality
internal import Storage

/// The fields of one line of an ``Export``. Fields that it does not know are passed over.
struct ExportObject {
    private let line: [UInt8]
    private var places: [(name: Range<Int>, value: Range<Int>)] = []

    init(_ line: [UInt8]) throws(FieldProblem) {
        self.line = line
        try collect(from: 0)
    }

    private init(_ line: [UInt8], at start: Int) throws(FieldProblem) {
        self.line = line
        try collect(from: start)
    }

    private mutating func collect(from start: Int) throws(FieldProblem) {
        var found: [(name: Range<Int>, value: Range<Int>)] = []
        var problem: FieldProblem?
        line.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            scanner.position = start
            do throws(JSONError) {
                guard scanner.peek() == UInt8(ascii: "{") else {
                    problem = FieldProblem(.badField, "it is no JSON object")
                    return
                }
                try scanner.eachField { (scanner, name) throws(JSONError) in
                    let value = try scanner.value()
                    found.append((name, value))
                }
                if start == 0 { try scanner.finish() }
                if let fault = scanner.takeFault() { problem = FieldProblem(fault) }
            } catch {
                problem = FieldProblem(error)
            }
        }
        if let problem { throw problem }
        places = found
    }

    /// Runs `body` with the field's place and a scanner of the line.
    private func reading<Value>(
        _ name: StaticString, _ body: (FieldPlace, JSONScanner) throws(FieldProblem) -> Value
    ) throws(FieldProblem) -> Value {
        var value: Value?
        var problem: FieldProblem?
        line.withUnsafeBytes { bytes in
            let scanner = JSONScanner(bytes)
            var place = FieldPlace(name)
            var count = 0
            for found in places where scanner.isName(found.name, name) {
                place.note(found.value)
                count += 1
            }
            do throws(FieldProblem) {
                guard count < 2 else { throw FieldProblem(.badField, "the field `\(name)` stands twice") }
                value = try body(place, scanner)
            } catch {
                problem = error
            }
        }
        guard let value else { throw problem ?? .missing(name) }
        return value
    }

    private func needed<Value>(_ name: StaticString, _ value: Value?) throws(FieldProblem) -> Value {
        guard let value else { throw .missing(name) }
        return value
    }

    func optionalText(_ name: StaticString) throws(FieldProblem) -> String? {
        try reading(name) { (place, scanner) throws(FieldProblem) in try place.storedText(scanner) }
    }

    func text(_ name: StaticString) throws(FieldProblem) -> String { try needed(name, try optionalText(name)) }

    func identifier(_ name: StaticString) throws(FieldProblem) -> Identifier {
        try needed(
            name, try reading(name) { (place, scanner) throws(FieldProblem) in try place.identifier(scanner) })
    }

    /// As ``identifier(_:)``; empty where nobody is named.
    func identifierOrEmpty(_ name: StaticString) throws(FieldProblem) -> Identifier {
        try text(name).isEmpty ? "" : try identifier(name)
    }

    func optionalInteger(_ name: StaticString, in allowed: ClosedRange<Int64>) throws(FieldProblem) -> Int64? {
        try reading(name) { (place, scanner) throws(FieldProblem) in try place.integer(scanner, in: allowed) }
    }

    func integer(_ name: StaticString, in allowed: ClosedRange<Int64>) throws(FieldProblem) -> Int64 {
        try needed(name, try optionalInteger(name, in: allowed))
    }

    func position(_ name: StaticString) throws(FieldProblem) -> Position {
        try needed(name, try optionalPosition(name))
    }

    func optionalPosition(_ name: StaticString) throws(FieldProblem) -> Position? {
        try reading(name) { (place, scanner) throws(FieldProblem) in try place.position(scanner) }
    }

    func boolean(_ name: StaticString) throws(FieldProblem) -> Bool {
        try reading(name) { (place, scanner) throws(FieldProblem) in try place.boolean(scanner) } ?? false
    }

    func object(_ name: StaticString) throws(FieldProblem) -> ExportObject {
        let start = try reading(name) { (place, _) throws(FieldProblem) in place.range?.lowerBound }
        return try ExportObject(line, at: try needed(name, start))
    }

    /// The field's bytes as they stand there; nil where it is absent. `null` is a value.
    func raw(_ name: StaticString) throws(FieldProblem) -> ArraySlice<UInt8>? {
        try reading(name) { (place, _) throws(FieldProblem) in place.range }.map { line[$0] }
    }

    func base64(_ name: StaticString) throws(FieldProblem) -> [UInt8]? {
        try reading(name) { (place, scanner) throws(FieldProblem) -> [UInt8]? in
            guard let range = place.range, !scanner.isNull(at: range) else { return nil }
            guard range.count >= 2, scanner.byte(range.lowerBound) == UInt8(ascii: "\"") else {
                throw .wrong(name, "base64")
            }
            let content = UnsafeRawBufferPointer(start: scanner.base + range.lowerBound + 1, count: range.count - 2)
            guard let bytes = Base64.decode(content) else { throw .wrong(name, "base64") }
            return bytes
        }
    }

    func clock(_ name: StaticString) throws(FieldProblem) -> VectorClock {
        let clock = try reading(name) { (place, scanner) throws(FieldProblem) in
            try place.clock(scanner, limits: .standard, mayBeEmpty: true)
        }
        return try needed(name, clock)
    }
}
