internal import Causality

extension DiffRequest {
    /// Reads the body of `POST /v1/diff`.
    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> DiffRequest {
        try RequestBody.decode(bytes, limits: limits) { (object) throws(FieldProblem) -> DiffRequest in
            let kinds = try object.field("kinds").identifiers(object.scanner, countMax: limits.filtersMax)
            var after: RecordName?
            if let text = try object.string("after") {
                guard let token = NameToken(parsing: text) else {
                    throw FieldProblem(.badCursor, "the field `after` is no token of this hub")
                }
                after = token.name
            }
            guard let isLast = try object.field("is_last").boolean(object.scanner) else { throw .missing("is_last") }
            let list = try object.field("records")
            guard
                let places = try list.elements(
                    object.scanner, "a list of records", countMax: DiffRequest.recordsMax, code: .badField,
                    excess: .tooLarge)
            else { throw .missing("records") }
            guard isLast || !places.isEmpty else {
                throw FieldProblem(.badField, "`records` may be empty only where `is_last` is true")
            }
            var items: [Item] = []
            items.reserveCapacity(places.count)
            var last = after
            for place in places {
                let item = try Item(ObjectReader(object.scanner, at: place, code: .badField))
                guard last.map({ $0 < item.name }) ?? true else {
                    throw FieldProblem(
                        .badField,
                        "`records` must be sorted by kind, then id, by their bytes, each once and behind `after`: "
                            + "\(item.name.kind)/\(item.name.id) is not")
                }
                guard kinds.isEmpty || kinds.contains(item.name.kind) else {
                    throw FieldProblem(
                        .badField, "`records` has the kind \(item.name.kind), which `kinds` does not name")
                }
                last = item.name
                items.append(item)
            }
            return DiffRequest(kinds: kinds, after: after, records: items, isLast: isLast)
        }
    }
}

extension DiffRequest.Item {
    fileprivate init(_ object: ObjectReader) throws(FieldProblem) {
        guard let kind = try object.field("kind").identifier(object.scanner) else { throw .missing("kind") }
        guard let id = try object.field("id").identifier(object.scanner) else { throw .missing("id") }
        guard let hash = try object.field("hash").identifier(object.scanner, code: .badField) else {
            throw .missing("hash")
        }
        self.init(name: RecordName(kind: kind, id: id), hash: hash)
    }
}
