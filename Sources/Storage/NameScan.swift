public import Causality

/// The names that a listing walks over. Where it meets one outside, it says from where on the next one can be, so that
/// a store jumps there instead of reading all between.
struct NameRange: Sendable {
    /// Sorted; empty means all.
    let kinds: [Identifier]
    let idPrefix: String
    let after: RecordName?
    let upTo: RecordName?

    enum Place {
        case inside
        /// Outside; no name before this one is inside. It comes after the name that was asked about.
        case before(RecordName)
        case beyond
    }

    init(kinds: [Identifier], idPrefix: String = "", after: RecordName?, upTo: RecordName? = nil) {
        self.kinds = kinds.sorted()
        self.idPrefix = idPrefix
        self.after = after
        self.upTo = upTo
    }

    /// Nothing before it is inside; nil: nothing is at all.
    var start: RecordName? {
        // The name that follows at once: a NUL is the least byte, and no name of a device holds one.
        let first = after.map { RecordName(kind: $0.kind, id: Identifier(unchecked: $0.id.text + "\0")) }
        var name = first ?? RecordName(kind: "", id: Identifier(unchecked: idPrefix))
        while true {
            switch place(of: name) {
            case .inside: return name
            case .before(let later): name = later
            case .beyond: return nil
            }
        }
    }

    func place(of name: RecordName) -> Place {
        if let upTo, upTo < name { return .beyond }
        if !kinds.isEmpty, !kinds.contains(name.kind) { return nextKind(after: name.kind) }
        let id = name.id.text.utf8
        if idPrefix.isEmpty || id.starts(with: idPrefix.utf8) { return .inside }
        if id.lexicographicallyPrecedes(idPrefix.utf8) {
            return .before(RecordName(kind: name.kind, id: Identifier(unchecked: idPrefix)))
        }
        return nextKind(after: name.kind)
    }

    private func nextKind(after kind: Identifier) -> Place {
        let id = Identifier(unchecked: idPrefix)
        guard !kinds.isEmpty else {
            return .before(RecordName(kind: Identifier(unchecked: kind.text + "\0"), id: id))
        }
        guard let next = kinds.first(where: { kind < $0 }) else { return .beyond }
        return .before(RecordName(kind: next, id: id))
    }
}

/// Walks over names in their order and decides what makes up a page, so that every store lists alike.
///
/// A store begins at ``start`` and asks ``look(at:)`` of one name after the other; of a candidate that passes the
/// filters it asks ``offer(_:encodedBytes:)``.
public struct NameScan: Sendable {
    public enum Look: Sendable {
        case candidate
        /// Go on at this name or the first one behind it.
        case seek(RecordName)
        case stop
    }

    /// Most names that one call looks at: some 35 ms of SQLite, as ``PageScan/scannedMax``.
    public static let scannedMax = PageScan.scannedMax

    private let range: NameRange
    private let limit: Int
    private let bytesMax: Int
    private let scannedMax: Int
    private var scanned = 0
    private var taken = 0
    private var bytes = 0
    private var lastSettled: RecordName?
    private var current: RecordName?
    private var hasMore = false

    public init(_ query: RecordQuery, scannedMax: Int = NameScan.scannedMax) {
        range = NameRange(
            kinds: query.kind.map { [$0] } ?? [], idPrefix: query.idPrefix, after: query.after)
        limit = query.limit
        bytesMax = query.bytesMax
        self.scannedMax = scannedMax
    }

    public init(_ query: ManifestQuery, scannedMax: Int = NameScan.scannedMax) {
        range = NameRange(kinds: query.kinds, after: query.after, upTo: query.upTo)
        limit = query.limit
        bytesMax = .max
        self.scannedMax = scannedMax
    }

    /// Where to begin; nil: no name can be asked for.
    public var start: RecordName? { range.start }

    /// The room that is left for the candidate at hand.
    public var bytesLeft: Int { max(bytesMax - bytes, 0) }

    /// Whether nothing was taken yet: the next record is taken whatever its size.
    public var isEmpty: Bool { taken == 0 }

    public mutating func look(at name: RecordName) -> Look {
        if let current { lastSettled = current }
        current = nil
        guard scanned < scannedMax else {
            hasMore = true
            return .stop
        }
        scanned += 1
        switch range.place(of: name) {
        case .beyond: return .stop
        case .before(let later):
            current = name
            return .seek(later)
        case .inside:
            current = name
            return .candidate
        }
    }

    /// Whether the candidate is taken; if not, the page ends before it.
    ///
    /// - Parameter encodedBytes: about what it takes in an answer.
    public mutating func offer(encodedBytes: Int = 0) -> Bool {
        guard taken < max(limit, 1), taken == 0 || encodedBytes <= bytesLeft else {
            hasMore = true
            current = nil
            return false
        }
        taken += 1
        let (sum, isOver) = bytes.addingReportingOverflow(encodedBytes)
        bytes = isOver ? .max : sum
        return true
    }

    /// What the page's `next` is, once the walk has ended.
    public var next: RecordName? { hasMore ? lastSettled ?? range.after : nil }
}
