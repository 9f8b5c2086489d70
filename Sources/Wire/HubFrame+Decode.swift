internal import Causality
internal import Storage

extension HubFrame {
    /// Reads one message of the hub, for clients. Bodies are slices of `bytes`.
    ///
    /// A client passes over `unknown_frame`: later hubs may say more. An error code of a later hub reads as
    /// ``ErrorCode/internal``.
    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> HubFrame {
        try JSONScanner.read(bytes) { (scanner, _) throws(FieldProblem) -> HubFrame in
            try HubFrameDecoder(scanner, bytes: bytes, limits: limits).frame()
        }
    }
}

extension JSONScanner {
    /// Validates all of `bytes`, then lets `body` read the value at its place.
    static func read<Value>(
        _ bytes: [UInt8], _ body: (JSONScanner, Range<Int>) throws(FieldProblem) -> Value
    ) throws(FrameError) -> Value {
        let result: Result<Value, FrameError> = bytes.withUnsafeBytes { raw in
            Result { () throws(FrameError) -> Value in
                let place: Range<Int>
                do throws(JSONError) {
                    place = try JSONScanner.validate(raw)
                } catch {
                    throw FrameError(error)
                }
                do throws(FieldProblem) {
                    return try body(JSONScanner(raw), place)
                } catch {
                    throw FrameError(error.code, error.message)
                }
            }
        }
        return try result.get()
    }
}

/// Looks fields up in an object that is known to be sound. Walks over it once.
struct ObjectReader {
    let scanner: JSONScanner
    private var fields: [(name: Range<Int>, value: Range<Int>, fault: JSONError?)] = []

    init(_ scanner: JSONScanner, at place: Range<Int>, code: ErrorCode = .badFrame) throws(FieldProblem) {
        self.scanner = scanner
        guard scanner.byte(place.lowerBound) == UInt8(ascii: "{") else {
            throw FieldProblem(code, "an object is wanted at byte \(place.lowerBound)")
        }
        var walker = scanner.at(place)
        do throws(JSONError) {
            try walker.eachField { (walker, name) throws(JSONError) in
                let value = try walker.value()
                fields.append((name, value, walker.takeFault()))
            }
        } catch {
            throw FieldProblem(error)
        }
    }

    func field(_ name: StaticString) throws(FieldProblem) -> FieldPlace {
        var found = FieldPlace(name)
        for field in fields where scanner.isName(field.name, name) {
            if let fault = field.fault { throw FieldProblem(fault) }
            if found.range != nil { throw FieldProblem(.badField, "the field `\(name)` stands twice") }
            found.note(field.value)
        }
        return found
    }

    func string(_ name: StaticString) throws(FieldProblem) -> String? { try field(name).string(scanner) }

    func neededString(_ name: StaticString) throws(FieldProblem) -> String {
        guard let text = try string(name) else { throw .missing(name) }
        return text
    }

    func neededName(_ name: StaticString) throws(FieldProblem) -> Identifier {
        guard let value = try field(name).identifier(scanner) else { throw .missing(name) }
        return value
    }

    func neededCursor(_ name: StaticString) throws(FieldProblem) -> Cursor {
        guard let cursor = try field(name).cursor(scanner) else { throw .missing(name) }
        return cursor
    }

    func integer(_ name: StaticString) throws(FieldProblem) -> Int64? {
        try field(name).integer(scanner, in: Int64.min...Int64.max)
    }

    func errorCode(_ name: StaticString) throws(FieldProblem) -> ErrorCode? {
        try string(name).map { ErrorCode(rawValue: $0) ?? .internal }
    }

    /// The places of the elements of an array field.
    func elements(_ name: StaticString) throws(FieldProblem) -> [Range<Int>] {
        let list = try field(name)
        guard list.range != nil else { throw .missing(name) }
        return try list.elements(scanner, "a list", countMax: .max, code: .badField) ?? []
    }
}

private struct HubFrameDecoder {
    let object: ObjectReader
    let bytes: [UInt8]
    let limits: WireLimits

    var scanner: JSONScanner { object.scanner }

    /// Longest delay that a device takes from a hub, in milliseconds: an hour. A broken one must not stop it for ever.
    static let delayMsMax: Int64 = 3_600_000

    static func delay(_ milliseconds: Int64) -> Int {
        Int(min(max(milliseconds, 0), delayMsMax))
    }

    init(_ scanner: JSONScanner, bytes: [UInt8], limits: WireLimits) throws(FieldProblem) {
        var start = scanner
        start.skipSpace()
        object = try ObjectReader(scanner, at: start.position..<bytes.count)
        self.bytes = bytes
        self.limits = limits
    }

    func frame() throws(FieldProblem) -> HubFrame {
        switch try object.neededString("type") {
        case "welcome": return .welcome(try welcome())
        case "pushed": return .pushed(try pushed())
        case "changes":
            var entries: [LogEntry] = []
            for place in try object.elements("changes") {
                entries.append(try ChangeDecoder.entry(scanner, at: place, of: bytes, limits: limits))
            }
            return .changes(
                Changes(
                    space: try object.neededName("space"), after: try object.neededCursor("after"),
                    upTo: try object.neededCursor("up_to"), changes: entries))
        case "conflict": return .conflict(try conflict())
        case "synced":
            return .synced(
                Synced(
                    space: try object.neededName("space"), after: try object.field("after").cursor(scanner),
                    cursor: try object.neededCursor("up_to")))
        case "pong": return .pong(id: try object.string("id"))
        case "error": return .error(try error())
        case "bye":
            return .bye(
                Bye(
                    reason: try object.errorCode("reason") ?? .internal,
                    reconnectAfterMs: HubFrameDecoder.delay(try object.integer("reconnect_after_ms") ?? 0)))
        case let type: throw FieldProblem(.unknownFrame, "there is no frame of type \"\(type.prefix(64))\"")
        }
    }

    private func welcome() throws(FieldProblem) -> Welcome {
        var told = WireLimits.standard
        if let place = try object.field("limits").range {
            let limits = try ObjectReader(scanner, at: place)
            for field in WireLimits.fields {
                if let value = try limits.integer(field.name) {
                    // A limit of nothing would let nothing through, and for ever.
                    told[keyPath: field.path] = Int(max(value, 1))
                }
            }
        }
        return Welcome(
            session: try object.neededString("session"), serverTime: try object.integer("server_time") ?? 0,
            user: try object.neededString("user"), device: try object.neededName("device"),
            replica: try object.neededName("replica"), space: try object.neededName("space"),
            generation: try object.neededString("generation"), limits: told,
            cursor: try object.field("cursor").cursor(scanner))
    }

    private func pushed() throws(FieldProblem) -> Pushed {
        var items: [PushedItem] = []
        for place in try object.elements("items") { items.append(try item(at: place)) }
        return Pushed(
            id: try object.neededString("id"), items: items,
            position: try object.field("position").position(scanner))
    }

    private func item(at place: Range<Int>) throws(FieldProblem) -> PushedItem {
        let item = try ObjectReader(scanner, at: place)
        guard let verdict = ItemVerdict(rawValue: try item.neededString("verdict")) else {
            throw .wrong("verdict", "one of \(ItemVerdict.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var stored: LogEntry?
        if let place = try item.field("stored").range, !scanner.isNull(at: place) {
            stored = try ChangeDecoder.entry(scanner, at: place, of: bytes, limits: limits)
        }
        return PushedItem(
            kind: try item.string("kind"), id: try item.string("id"), verdict: verdict,
            reason: try item.string("reason").flatMap { Reason(rawValue: $0) },
            clock: try item.field("clock").clock(scanner, limits: limits, mayBeEmpty: true),
            position: try item.field("position").position(scanner), stored: stored,
            error: try item.errorCode("error"), message: try item.string("message"))
    }

    private func conflict() throws(FieldProblem) -> Conflict {
        guard let place = try object.field("change").range else { throw .missing("change") }
        return Conflict(
            space: try object.neededName("space"), after: try object.neededCursor("after"),
            upTo: try object.neededCursor("up_to"),
            change: try ChangeDecoder.entry(scanner, at: place, of: bytes, limits: limits),
            headClock: try object.field("head_clock").clock(scanner, limits: limits))
    }

    private func error() throws(FieldProblem) -> ErrorFrame {
        let code = try object.errorCode("code")
        return ErrorFrame(
            code: code ?? .internal, message: try object.string("message"),
            retryAfterMs: try object.integer("retry_after_ms").map { HubFrameDecoder.delay($0) },
            pushID: try object.string("id"),
            isFatal: try object.field("fatal").boolean(scanner))
    }
}
