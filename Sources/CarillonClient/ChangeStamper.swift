public import Causality
public import Wire

/// Makes changes of NDJSON lines, and gives a clock to those that have none.
///
/// A clock `{replica: microseconds since 1970}` orders a device's edits as they were made, without a memory of what it
/// pushed before; within one stamper it is strictly increasing, whatever the system's clock does. It says nothing of
/// what other devices wrote, and so stands beside it; on top of a version's clock it is an edit of that version.
public struct ChangeStamper: Sendable {
    /// The device's name in clocks, as the welcome tells it.
    public var replica: Identifier
    /// For lines that name none.
    public var kind: Identifier?
    private var last: Int64 = 0

    public init(replica: Identifier, kind: Identifier? = nil) {
        self.replica = replica
        self.kind = kind
    }

    /// - Parameter now: microseconds since 1970.
    public mutating func nextCounter(now: Int64) -> Int64 {
        last = min(max(last + 1, now), VectorClock.counterMax)
        return last
    }

    /// The change that `line` is, or why it is none. Its body is as it stands in the line, byte for byte.
    ///
    /// - Parameter base: the clock of the version that a line without a clock is an edit of; empty: of none.
    public mutating func change(
        line: [UInt8], now: Int64, base: VectorClock = VectorClock(), limits: WireLimits = .standard
    ) -> PushItem {
        guard let names = FieldNames(of: line), !names.isEmpty else {
            return PushBody.decodeChange(line: line, limits: limits)
        }
        var added: [UInt8] = []
        if !names.hasClock && !names.hasSupersedes {
            added += Array("\"clock\":".utf8)
            let counter = nextCounter(now: max(now, min(base[replica], VectorClock.counterMax - 1) + 1))
            let edit = VectorClock([.init(replica: replica, counter: counter)])
            FrameEncoder.encodeClock(base.merged(with: edit), into: &added)
            added.append(UInt8(ascii: ","))
        }
        if !names.hasKind, let kind {
            added += Array("\"kind\":".utf8)
            JSONText.append(kind.text, into: &added)
            added.append(UInt8(ascii: ","))
        }
        if !names.hasUpdatedAt { added += Array("\"updated_at\":\(now),".utf8) }
        var whole = line
        whole.insert(contentsOf: added, at: names.start)
        return PushBody.decodeChange(line: whole, limits: limits)
    }
}

/// Which of the fields that we can add an object has already.
private struct FieldNames {
    /// Right behind the opening brace.
    var start = 0
    var isEmpty = true
    var hasClock = false
    var hasSupersedes = false
    var hasKind = false
    var hasUpdatedAt = false

    /// Nil where the line is no object.
    init?(of line: [UInt8]) {
        var names = FieldNames()
        let isRead: Bool = line.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            do throws(JSONError) {
                try scanner.expect(UInt8(ascii: "{"))
                names.start = scanner.position
                if scanner.consume(UInt8(ascii: "}")) { return true }
                repeat {
                    names.note(bytes[try scanner.fieldName()])
                    _ = try scanner.value()
                } while scanner.consume(UInt8(ascii: ","))
                return scanner.consume(UInt8(ascii: "}"))
            } catch {
                return false
            }
        }
        guard isRead else { return nil }
        self = names
    }

    private init() {}

    private mutating func note(_ name: Slice<UnsafeRawBufferPointer>) {
        isEmpty = false
        if name.elementsEqual("clock".utf8) { hasClock = true }
        if name.elementsEqual("supersedes".utf8) { hasSupersedes = true }
        if name.elementsEqual("kind".utf8) { hasKind = true }
        if name.elementsEqual("updated_at".utf8) { hasUpdatedAt = true }
    }
}
