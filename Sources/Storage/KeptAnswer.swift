public import Causality

/// Names a request whose answer is kept, among those of one device in one space.
public struct AnswerKey: Sendable, Hashable {
    /// The push's id, as the device chose it.
    public let pushID: String
    /// SHA-256 of the request: another one under the same id is another push.
    public let digest: [UInt8]

    public init(pushID: String, digest: [UInt8]) {
        self.pushID = pushID
        self.digest = digest
    }
}

/// A request whose answer may be kept.
public struct KeptRequest: Sendable, Hashable {
    public let key: AnswerKey
    public let device: Identifier

    public init(key: AnswerKey, device: Identifier) {
        self.key = key
        self.device = device
    }
}

/// What a push was answered, kept in the commit that it made: whoever lost the answer asks again and gets the same.
///
/// Positions, clocks and decisions are kept; the versions that an answer carries along are read again.
public struct KeptAnswer: Sendable, Equatable {
    /// Answers of one device. 256: more than a device has under way, by far.
    public static let countMax = 256
    /// Bytes of one answer: some 150,000 items. What is larger is not kept; its items are duplicates by their clocks.
    public static let bytesMax = 4 << 20
    /// Bytes of one device's answers.
    public static let deviceBytesMax = 16 << 20
    /// How long an answer is given again, in microseconds. A day: a client that retries gives up long before.
    public static let ageMax: Int64 = 24 * 3_600 * 1_000_000
    /// Answers of other devices that a commit removes for their age, so that those of a device that never comes back
    /// go too.
    public static let removedMax = 256

    /// When, as wall time.
    public let keptAt: Position
    /// The results in a form of ours (``encode(_:to:)``).
    public let items: [UInt8]

    public init(keptAt: Position, items: [UInt8]) {
        self.keptAt = keptAt
        self.items = items
    }

    /// Whether it is too old at wall time `now` to be given again.
    public func isExpired(at now: Position) -> Bool {
        // The difference of the two could overflow with a time out of a damaged store.
        keptAt.microseconds < now.microseconds - KeptAnswer.ageMax
    }

    /// How many answers of one device, newest first, are within the bounds. The newest always is.
    public static func countKept(newestFirst sizes: [Int]) -> Int {
        var bytes = 0
        let count = sizes.prefix(countMax).prefix { size in
            bytes += size
            return bytes <= deviceBytesMax
        }.count
        return max(count, min(sizes.count, 1))
    }
}

// The form: for each result a byte of flags (1: the clock is as pushed, 2: a position, 4: the stored head was told),
// then the decision as text, the clock unless as pushed, the position where there is one. Texts and clocks have their
// length in front, numbers are LEB128. A form that this program does not know reads as no answer.
extension KeptAnswer {
    private static let isAsPushed: UInt8 = 1
    private static let hasPosition: UInt8 = 2
    private static let hasStored: UInt8 = 4

    /// nil past ``bytesMax``.
    static func encode(_ results: [ItemResult], to changes: [Change]) -> [UInt8]? {
        var bytes: [UInt8] = []
        for (result, change) in zip(results, changes) {
            let isSame = result.clock == change.clock
            bytes.append(
                (isSame ? isAsPushed : 0) | (result.position == nil ? 0 : hasPosition)
                    | (result.stored == nil ? 0 : hasStored))
            put(Array(text(of: result.decision).utf8), into: &bytes)
            if !isSame { put(result.clock.storedForm, into: &bytes) }
            if let position = result.position { put(UInt64(position.microseconds.magnitude), into: &bytes) }
            if bytes.count > bytesMax { return nil }
        }
        return bytes
    }

    /// The results, with whether each told the stored head; nil when the form is none, or of other changes.
    func decode(for changes: [Change]) -> [(result: ItemResult, hasStored: Bool)]? {
        var reader = FormReader(bytes: items[...])
        var results: [(result: ItemResult, hasStored: Bool)] = []
        for change in changes {
            guard let flags = reader.byte(), let text = reader.text(),
                let decision = KeptAnswer.decision(String(decoding: text, as: UTF8.self))
            else { return nil }
            var clock = change.clock
            if flags & KeptAnswer.isAsPushed == 0 {
                guard let form = reader.text(),
                    let stored = form.withUnsafeBytes({ VectorClock(storedForm: $0) })
                else { return nil }
                clock = stored
            }
            var position: Position?
            if flags & KeptAnswer.hasPosition != 0 {
                guard let number = reader.number(), number <= UInt64(Position.max.microseconds) else { return nil }
                position = Position(Int64(number))
            }
            results.append(
                (
                    ItemResult(decision: decision, clock: clock, position: position, stored: nil),
                    flags & KeptAnswer.hasStored != 0
                ))
        }
        return reader.bytes.isEmpty ? results : nil
    }

    private static func text(of decision: ItemResult.Decision) -> String {
        switch decision {
        case .verdict(let verdict, let reason): "\(verdict.rawValue) \(reason.rawValue)"
        case .siblingLimit: "sibling_limit"
        case .clockLimit: "clock_limit"
        case .unknownVersion: "unknown_version"
        case .overloaded: "overloaded"
        case .atomicAborted: "atomic_aborted"
        case .forbidden: "forbidden"
        case .recordLimit: "record_limit"
        case .unexpected: "unexpected"
        }
    }

    private static func decision(_ text: String) -> ItemResult.Decision? {
        switch text {
        case "sibling_limit": return .siblingLimit
        case "clock_limit": return .clockLimit
        case "unknown_version": return .unknownVersion
        case "overloaded": return .overloaded
        case "atomic_aborted": return .atomicAborted
        case "forbidden": return .forbidden
        case "record_limit": return .recordLimit
        case "unexpected": return .unexpected
        default: break
        }
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2, let verdict = Verdict(rawValue: words[0]), let reason = Reason(rawValue: words[1])
        else { return nil }
        return .verdict(verdict, reason)
    }

    private static func put(_ text: [UInt8], into bytes: inout [UInt8]) {
        put(UInt64(text.count), into: &bytes)
        bytes += text
    }

    private static func put(_ number: UInt64, into bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

private struct FormReader {
    var bytes: ArraySlice<UInt8>

    mutating func byte() -> UInt8? { bytes.popFirst() }

    mutating func number() -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let byte = bytes.popFirst() {
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        return nil
    }

    mutating func text() -> ArraySlice<UInt8>? {
        guard let count = number(), count <= UInt64(bytes.count) else { return nil }
        let text = bytes.prefix(Int(count))
        bytes.removeFirst(Int(count))
        return text
    }
}
