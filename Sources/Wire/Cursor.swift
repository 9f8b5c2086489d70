public import Causality
internal import Cryptography
public import Storage

/// A place in one space's log, as devices keep it: opaque text to them.
///
/// `c1.<generation, 16 hex>.<space tag, 8 hex>.<position, hex without leading zeros>.<check, 8 hex>`, lower case. The
/// check is FNV-1a (32 bits) of all before its dot: it catches truncation and typing, and is no secret.
public struct Cursor: Hashable, Sendable {
    public let generation: Generation
    /// Tells spaces apart without naming them: see ``spaceTag(of:)``.
    public let spaceTag: UInt32
    public let position: Position

    public init(generation: Generation, spaceTag: UInt32, position: Position) {
        self.generation = generation
        self.spaceTag = spaceTag
        self.position = position
    }

    public init(generation: Generation, space: Identifier, position: Position) {
        self.init(generation: generation, spaceTag: Cursor.spaceTag(of: space), position: position)
    }

    /// First 4 bytes of the SHA-256 of the space's name. To be kept, not computed per frame.
    public static func spaceTag(of space: Identifier) -> UInt32 {
        Digest.sha256(Array(space.text.utf8)).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// Why a text is no cursor of ours.
public enum CursorError: Error, Sendable, Equatable {
    /// It does not have the form of a cursor.
    case notOurs
    /// It has the form, but was cut or altered on its way.
    case damaged

    public var sentence: String {
        switch self {
        case .notOurs: "this text is not a cursor of a Carillon hub"
        case .damaged: "the cursor's check does not match: it was cut or altered"
        }
    }
}
