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
        var whole: [UInt8] = []
        if let rejection = append(line: line, now: now, base: base, limits: limits, into: &whole) {
            return .rejected(rejection)
        }
        return PushBody.decodeChange(line: whole, limits: limits)
    }

    /// Appends the change that `line` is, as it stands, with what is added to it; or says why it is none.
    public mutating func append(
        line: [UInt8], now: Int64, base: VectorClock = VectorClock(), limits: WireLimits = .standard,
        into out: inout [UInt8]
    ) -> ItemRejection? {
        let gaps: LineGaps
        switch PushBody.check(line: line, kind: kind, limits: limits) {
        case .rejected(let rejection): return rejection
        case .change(let found): gaps = found
        }
        out += line[..<gaps.start]
        if gaps.lacksClock {
            out += "\"clock\":".utf8
            let counter = nextCounter(now: max(now, min(base[replica], VectorClock.counterMax - 1) + 1))
            let edit = VectorClock([.init(replica: replica, counter: counter)])
            FrameEncoder.encodeClock(base.merged(with: edit), into: &out)
            out.append(UInt8(ascii: ","))
        }
        if gaps.lacksKind, let kind {
            out += "\"kind\":".utf8
            JSONText.append(kind.text, into: &out)
            out.append(UInt8(ascii: ","))
        }
        if gaps.lacksTime { out += "\"updated_at\":\(now),".utf8 }
        out += line[gaps.start...]
        return nil
    }
}
