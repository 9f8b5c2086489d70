internal import Causality
internal import Storage

// The domain's values out of validated JSON.
extension FieldPlace {
    func identifier(_ scanner: JSONScanner, code: ErrorCode = .badID) throws(FieldProblem) -> Identifier? {
        guard let text = try string(scanner) else { return nil }
        do throws(IdentifierError) {
            return try Identifier(text)
        } catch {
            throw FieldProblem(code, "the field `\(name)` is no name: \(error.sentence)")
        }
    }

    func cursor(_ scanner: JSONScanner) throws(FieldProblem) -> Cursor? {
        guard let text = try string(scanner) else { return nil }
        do throws(CursorError) {
            return try Cursor(parsing: text)
        } catch {
            throw FieldProblem(.badCursor, error.sentence)
        }
    }

    func position(_ scanner: JSONScanner) throws(FieldProblem) -> Position? {
        try integer(scanner, in: 0...Position.max.microseconds).map { Position($0) }
    }

    func identifiers(_ scanner: JSONScanner, countMax: Int) throws(FieldProblem) -> [Identifier] {
        guard let elements = try elements(scanner, "a list of names", countMax: countMax, code: .badField) else {
            return []
        }
        var names: [Identifier] = []
        for element in elements {
            guard let text = scanner.string(at: element) else { throw .wrong(name, "a list of names") }
            do throws(IdentifierError) {
                names.append(try Identifier(text))
            } catch {
                throw FieldProblem(.badID, "an element of the field `\(name)` is no name: \(error.sentence)")
            }
        }
        return names
    }

    /// nil where the field is absent.
    func embedding(_ scanner: JSONScanner, countMax: Int) throws(FieldProblem) -> [Float]? {
        let wanted = "a list of numbers"
        guard let elements = try elements(scanner, wanted, countMax: countMax, code: .badEmbedding) else { return nil }
        return try elements.map { (element) throws(FieldProblem) -> Float in
            var reader = FloatReader(
                UnsafeRawBufferPointer(start: scanner.base, count: element.upperBound), from: element.lowerBound)
            guard let number = reader.next() else {
                throw FieldProblem(.badEmbedding, "an element of `embedding` is not a number that a 32-bit float holds")
            }
            return number
        }
    }

    func clocks(_ scanner: JSONScanner, limits: WireLimits) throws(FieldProblem) -> [VectorClock] {
        let wanted = "a list of clocks"
        guard let elements = try elements(scanner, wanted, countMax: limits.supersedesMax, code: .badClock) else {
            return []
        }
        var clocks: [VectorClock] = []
        var entryCount = 0
        for element in elements {
            let clock = try clock(scanner, at: element, limits: limits)
            entryCount += clock.entries.count
            guard entryCount <= WireLimits.supersededEntriesMax else {
                throw FieldProblem(
                    .badClock, "the clocks in `\(name)` have over \(WireLimits.supersededEntriesMax) entries together")
            }
            clocks.append(clock)
        }
        return clocks
    }

    func clock(_ scanner: JSONScanner, limits: WireLimits, mayBeEmpty: Bool = false) throws(FieldProblem)
        -> VectorClock?
    {
        guard let range, !scanner.isNull(at: range) else { return nil }
        return try clock(scanner, at: range, limits: limits, mayBeEmpty: mayBeEmpty)
    }

    private func clock(
        _ scanner: JSONScanner, at place: Range<Int>, limits: WireLimits, mayBeEmpty: Bool = false
    ) throws(FieldProblem) -> VectorClock {
        var walker = scanner.at(place)
        guard walker.peek() == UInt8(ascii: "{") else {
            throw FieldProblem(.badClock, "`\(name)` must map replicas to counters")
        }
        var entries: [VectorClock.Entry] = []
        var problem: FieldProblem?
        do throws(JSONError) {
            try walker.eachField { (walker, nameRange) throws(JSONError) in
                let value = try walker.value()
                guard problem == nil else { return }
                guard entries.count < limits.clockEntriesMax else {
                    problem = FieldProblem(.badClock, "`\(name)` has over \(limits.clockEntriesMax) entries")
                    return
                }
                do throws(FieldProblem) {
                    entries.append(try entry(walker, nameRange, value))
                } catch {
                    problem = error
                }
            }
        } catch {
            throw FieldProblem(error)
        }
        if let problem { throw problem }
        let clock = VectorClock(entries)
        // VectorClock leaves out zeros and joins replicas named twice: the count tells the latter apart.
        guard clock.entries.count == entries.count(where: { $0.counter > 0 }) else {
            throw FieldProblem(.badClock, "`\(name)` names a replica twice")
        }
        guard mayBeEmpty || !clock.isEmpty else {
            throw FieldProblem(.badClock, "`\(name)` counts nothing: its writer's own edit is 1 or more")
        }
        return clock
    }

    private func entry(
        _ scanner: JSONScanner, _ nameRange: Range<Int>, _ value: Range<Int>
    ) throws(FieldProblem) -> VectorClock.Entry {
        let replica: Identifier
        do throws(IdentifierError) {
            replica = try Identifier(scanner.text(nameRange))
        } catch {
            throw FieldProblem(.badClock, "a replica in `\(name)` is no name: \(error.sentence)")
        }
        guard let counter = scanner.integer(at: value), (0...VectorClock.counterMax).contains(counter) else {
            throw FieldProblem(.badClock, "a counter in `\(name)` is not a whole number from 0 to 2^53")
        }
        return VectorClock.Entry(replica: replica, counter: counter)
    }

    /// The places of an array's elements; nil where the field is absent.
    ///
    /// - Parameter excess: the code of a list that is too long, unless it is `code` too.
    func elements(
        _ scanner: JSONScanner, _ wanted: String, countMax: Int, code: ErrorCode, excess: ErrorCode? = nil
    ) throws(FieldProblem) -> [Range<Int>]? {
        guard let range, !scanner.isNull(at: range) else { return nil }
        var walker = scanner.at(range)
        guard walker.peek() == UInt8(ascii: "[") else { throw FieldProblem(code, "`\(name)` must be \(wanted)") }
        var places: [Range<Int>] = []
        var count = 0
        do throws(JSONError) {
            try walker.eachElement { (walker) throws(JSONError) in
                let place = try walker.value()
                count += 1
                if count <= countMax { places.append(place) }
            }
        } catch {
            throw FieldProblem(error)
        }
        guard count <= countMax else {
            throw FieldProblem(excess ?? code, "`\(name)` has \(count) elements, over the limit of \(countMax)")
        }
        return places
    }
}
