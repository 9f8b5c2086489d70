public import Causality

extension ClientFrame {
    /// Reads one message of a device.
    ///
    /// Throws where the message as a whole is of no use. A change that is wrong by itself becomes a rejected item of
    /// its push. Bodies are slices of `bytes`; nothing is copied.
    ///
    /// - Parameter writer: the device's replica, which its changes are marked with. Marked later, each would be copied.
    public static func decode(
        _ bytes: [UInt8], limits: WireLimits = .standard, writer: Identifier = ""
    ) throws(FrameError) -> ClientFrame {
        try ClientFrameDecoder.decode(bytes, limits: limits, writer: writer).frame()
    }
}

/// Bodies of REST requests and lines of NDJSON.
public enum PushBody {
    /// Reads the body of `POST /v1/push`: a push without its `type`, and without an `id` if it likes.
    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> Push {
        try ClientFrameDecoder.decode(bytes, limits: limits).push(needsID: false)
    }

    /// Reads one line of NDJSON, which is one change. A line that is not JSON is a rejection as well.
    public static func decodeChange(line: [UInt8], limits: WireLimits = .standard) -> PushItem {
        line.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw)
            do throws(JSONError) {
                let item = try ChangeDecoder.item(&scanner, of: line, limits: limits)
                try scanner.finish()
                return item
            } catch {
                let told = FrameError(error)
                return .rejected(ItemRejection(kind: nil, id: nil, error: told.code, message: told.message))
            }
        }
    }

    /// Whether `line` is a change, once what it leaves out is added to it. Reads it once, and hashes nothing.
    ///
    /// - Parameter kind: what is added where it names no kind.
    public static func check(line: [UInt8], kind: Identifier?, limits: WireLimits = .standard) -> LineCheck {
        line.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw)
            do throws(JSONError) {
                let check = try ChangeDecoder.gaps(&scanner, of: line, kind: kind, limits: limits)
                try scanner.finish()
                return check
            } catch {
                let told = FrameError(error)
                return .rejected(ItemRejection(kind: nil, id: nil, error: told.code, message: told.message))
            }
        }
    }

    /// The content hash of a change that brings none: SHA-256 of its body in hexadecimal.
    public static func defaultHash(of body: ArraySlice<UInt8>) -> String {
        ChangeDecoder.defaultHash(of: body).text
    }
}

/// What a line of NDJSON is found to be.
public enum LineCheck: Sendable {
    case change(LineGaps)
    case rejected(ItemRejection)
}

/// What a line that is to be a change leaves out, and where it can be added.
public struct LineGaps: Sendable {
    /// Right behind the opening brace.
    public let start: Int
    public let lacksKind: Bool
    /// Neither a clock nor what it supersedes, which is one.
    public let lacksClock: Bool
    public let lacksTime: Bool
}

/// A client frame with its fields in place. Lives inside one pass over the frame's bytes.
struct ClientFrameDecoder {
    private var type = FieldPlace("type")
    private var id = FieldPlace("id")
    private var atomic = FieldPlace("atomic")
    private var force = FieldPlace("force")
    private var protocolVersion = FieldPlace("protocol")
    private var device = FieldPlace("device")
    private var key = FieldPlace("key")
    private var cursor = FieldPlace("cursor")
    private var kinds = FieldPlace("kinds")
    private var namespaces = FieldPlace("namespaces")
    private var live = FieldPlace("live")
    private var client = FieldPlace("client")
    private var space = FieldPlace("space")
    private var changes = FieldPlace("changes")
    private var change = FieldPlace("change")
    private var items: [PushItem] = []
    private var itemCount = 0
    private var problem: FieldProblem?
    private let bytes: [UInt8]
    private let limits: WireLimits

    /// Longest API key and client name.
    private static let keyBytesMax = 512
    private static let clientBytesMax = 256

    private let writer: Identifier

    private init(bytes: [UInt8], limits: WireLimits, writer: Identifier) {
        self.bytes = bytes
        self.limits = limits
        self.writer = writer
    }

    /// Validates all of `bytes` in one pass and reads the changes on the way.
    static func decode(
        _ bytes: [UInt8], limits: WireLimits, writer: Identifier = ""
    ) throws(FrameError) -> ClientFrameDecoder {
        guard bytes.count <= limits.frameBytesMax else {
            throw FrameError(
                .tooLarge, "the message has \(bytes.count) bytes, over the limit of \(limits.frameBytesMax)")
        }
        var decoder = ClientFrameDecoder(bytes: bytes, limits: limits, writer: writer)
        var isObject = true
        let failure: JSONError? = bytes.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw)
            do throws(JSONError) {
                if scanner.peek() == UInt8(ascii: "{") {
                    try scanner.eachField { (scanner, name) throws(JSONError) in try decoder.take(name, &scanner) }
                } else {
                    isObject = false
                    _ = try scanner.value()
                }
                try scanner.finish()
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw FrameError(failure) }
        guard isObject else { throw FrameError(.badFrame, "a frame must be a JSON object") }
        return decoder
    }

    func frame() throws(FrameError) -> ClientFrame {
        let type = try field { (scanner) throws(FieldProblem) -> String? in try self.type.string(scanner) }
        guard let type else { throw FrameError(.badFrame, "the field `type` is missing") }
        switch type {
        case "hello": return .hello(try field(hello))
        case "push": return .push(try push(needsID: true))
        case "resolve": return .resolve(try resolve())
        case "ack":
            return .ack(
                cursor: try field { (scanner) throws(FieldProblem) -> Cursor in
                    guard let cursor = try cursor.cursor(scanner) else { throw .missing("cursor") }
                    return cursor
                })
        case "ping":
            return .ping(
                id: try field { (scanner) throws(FieldProblem) -> String? in
                    try id.string(scanner, bytesMax: limits.frameIDBytesMax)
                })
        case "bye": return .bye
        default: throw FrameError(.unknownFrame, "there is no frame of type \"\(type.prefix(64))\"")
        }
    }

    func push(needsID: Bool) throws(FrameError) -> Push {
        let id = try pushID(isNeeded: needsID)
        let (isAtomic, isForced) = try field(ofPush: id) { (scanner) throws(FieldProblem) -> (Bool, Bool) in
            (try atomic.boolean(scanner) ?? false, try force.boolean(scanner) ?? false)
        }
        guard changes.range != nil else {
            throw FrameError(.missingField, "the field `changes` is missing", pushID: id)
        }
        guard itemCount <= limits.changesPerPushMax else {
            throw FrameError(
                .tooManyItems, "the push has \(itemCount) changes, over the limit of \(limits.changesPerPushMax)",
                pushID: id)
        }
        if isAtomic { try refuseRepeated(pushID: id) }
        return Push(id: id, items: items, isAtomic: isAtomic, isForced: isForced)
    }

    private func resolve() throws(FrameError) -> Push {
        let id = try pushID(isNeeded: true)
        guard let place = change.range else {
            throw FrameError(.missingField, "the field `change` is missing", pushID: id)
        }
        let item: PushItem = try field(ofPush: id) { (scanner) throws(FieldProblem) -> PushItem in
            var walker = scanner.at(place)
            do throws(JSONError) {
                return try ChangeDecoder.item(&walker, of: bytes, limits: limits, writer: writer, mustSupersede: true)
            } catch {
                throw FieldProblem(error)
            }
        }
        return Push(id: id, items: [item])
    }

    private func pushID(isNeeded: Bool) throws(FrameError) -> String {
        let text = try field { (scanner) throws(FieldProblem) -> String? in
            try id.string(scanner, bytesMax: limits.frameIDBytesMax)
        }
        guard let text, !text.isEmpty else {
            if isNeeded { throw FrameError(.missingField, "the field `id` is missing") }
            return ""
        }
        return text
    }

    private func refuseRepeated(pushID: String) throws(FrameError) {
        var names: Set<RecordName> = []
        for case .change(let change) in items where !names.insert(change.name).inserted {
            throw FrameError(
                .duplicateRecord, "the atomic push names \(change.kind) \(change.id) twice", pushID: pushID)
        }
    }

    private func hello(_ scanner: JSONScanner) throws(FieldProblem) -> Hello {
        guard let version = try protocolVersion.integer(scanner, in: 0...Int64(Int32.max)) else {
            throw .missing("protocol")
        }
        guard let device = try device.identifier(scanner) else { throw .missing("device") }
        return Hello(
            protocolVersion: Int(version), device: device,
            key: try key.string(scanner, bytesMax: ClientFrameDecoder.keyBytesMax),
            cursor: try cursor.cursor(scanner),
            kinds: try kinds.identifiers(scanner, countMax: limits.filtersMax),
            namespaces: try namespaces.identifiers(scanner, countMax: limits.filtersMax),
            live: try live.boolean(scanner) ?? true,
            client: try client.storedText(scanner, bytesMax: ClientFrameDecoder.clientBytesMax),
            space: try space.identifier(scanner))
    }

    /// Reads fields; what is wrong with them, or with the frame's text, is an error of the frame.
    private func field<Value>(
        ofPush pushID: String? = nil, _ read: (JSONScanner) throws(FieldProblem) -> Value
    ) throws(FrameError) -> Value {
        let result: Result<Value, FieldProblem> = bytes.withUnsafeBytes { raw in
            if let problem { return .failure(problem) }
            return Result { () throws(FieldProblem) -> Value in try read(JSONScanner(raw)) }
        }
        switch result {
        case .success(let value): return value
        case .failure(let problem):
            throw FrameError(problem.code, problem.message, pushID: pushID ?? readableID())
        }
    }

    private func readableID() -> String? {
        let text = bytes.withUnsafeBytes { id.repeatable(JSONScanner($0)) }
        return text.flatMap { $0.utf8.count <= limits.frameIDBytesMax && !$0.isEmpty ? $0 : nil }
    }

    private mutating func take(_ name: Range<Int>, _ scanner: inout JSONScanner) throws(JSONError) {
        if scanner.isName(name, "changes") {
            try takeChanges(&scanner)
        } else if scanner.isName(name, "change") {
            // Its faults belong to the item, which is read when the frame's type is known.
            var own: FieldProblem?
            let wasSeen = change.range != nil
            try change.take(&scanner, &own)
            if wasSeen, problem == nil { problem = own }
        } else if scanner.isName(name, "type") {
            try type.take(&scanner, &problem)
        } else if scanner.isName(name, "id") {
            try id.take(&scanner, &problem)
        } else if scanner.isName(name, "atomic") {
            try atomic.take(&scanner, &problem)
        } else if scanner.isName(name, "force") {
            try force.take(&scanner, &problem)
        } else if scanner.isName(name, "cursor") {
            try cursor.take(&scanner, &problem)
        } else {
            try takeHello(name, &scanner)
        }
    }

    private mutating func takeHello(_ name: Range<Int>, _ scanner: inout JSONScanner) throws(JSONError) {
        if scanner.isName(name, "protocol") {
            try protocolVersion.take(&scanner, &problem)
        } else if scanner.isName(name, "device") {
            try device.take(&scanner, &problem)
        } else if scanner.isName(name, "key") {
            try key.take(&scanner, &problem)
        } else if scanner.isName(name, "kinds") {
            try kinds.take(&scanner, &problem)
        } else if scanner.isName(name, "namespaces") {
            try namespaces.take(&scanner, &problem)
        } else if scanner.isName(name, "live") {
            try live.take(&scanner, &problem)
        } else if scanner.isName(name, "client") {
            try client.take(&scanner, &problem)
        } else if scanner.isName(name, "space") {
            try space.take(&scanner, &problem)
        } else {
            // Fields of later versions are passed over; their text must be sound all the same.
            var unknown = FieldPlace("unknown")
            try unknown.take(&scanner, &problem)
        }
    }

    private mutating func takeChanges(_ scanner: inout JSONScanner) throws(JSONError) {
        guard scanner.peek() == UInt8(ascii: "["), changes.range == nil else {
            let wasSeen = changes.range != nil
            try changes.take(&scanner, &problem)
            if problem == nil, !wasSeen { problem = .wrong("changes", "a list of changes") }
            return
        }
        let start = scanner.position
        try scanner.eachElement { (scanner) throws(JSONError) in
            itemCount += 1
            if itemCount <= limits.changesPerPushMax {
                items.append(try ChangeDecoder.item(&scanner, of: bytes, limits: limits, writer: writer))
            } else {
                _ = try scanner.value()
                _ = scanner.takeFault()
            }
        }
        changes.note(start..<scanner.position)
    }
}
