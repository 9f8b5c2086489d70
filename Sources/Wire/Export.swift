internal import Storage

/// All that a store holds as lines of JSON: `carillon admin export`. Normative: Protocol/EXPORT.md.
///
///     {"type":"header","format":"carillon-export","version":2}
///     {"type":"life","generation":"00c0ffee00c0ffee"}
///     {"type":"policy", …} {"type":"user", …} {"type":"key", …} {"type":"device", …} {"type":"note", …}
///     {"type":"team", …} {"type":"member", …}
///     {"type":"space","space":"u_1","head":9}
///     {"type":"entry","space":"u_1","position":9,"author":"d", … ,"writer":"d.1","body":{ … }}
///     {"type":"history","space":"u_1","number":1, … ,"body":{ … }}
///     {"type":"trailer","counts":{"life":1,"policy":0, … },"sha256":"…"}
///
/// The order is that of `KeptSequence`. Bytes that are no JSON text on one line are base64: a body in `body_base64`, and
/// embeddings, as little-endian binary32, always.
public enum Export {
    public static let format = "carillon-export"
    /// Of the format, as it is written. 1 had no teams, tiers and notes.
    public static let version: Int64 = 2
    /// A reader refuses any other one.
    static let versionsRead: ClosedRange<Int64> = 1...2
    /// Longest line, its end left out. 8 MiB: a body of the largest size as base64, with the largest clock and embedding.
    public static let lineBytesMax = 8 << 20

    /// How many lines there are of each kind.
    public struct Counts: Sendable, Equatable {
        public internal(set) var policies = 0
        public internal(set) var users = 0
        public internal(set) var keys = 0
        public internal(set) var devices = 0
        public internal(set) var notes = 0
        public internal(set) var teams = 0
        public internal(set) var members = 0
        public internal(set) var spaces = 0
        public internal(set) var entries = 0
        public internal(set) var versions = 0

        public init() {}

        mutating func count(_ item: KeptItem) {
            switch item {
            case .life: break
            case .policy: policies += 1
            case .user: users += 1
            case .key: keys += 1
            case .device: devices += 1
            case .note: notes += 1
            case .team: teams += 1
            case .member: members += 1
            case .space: spaces += 1
            case .entry: entries += 1
            case .version: versions += 1
            }
        }

        /// By the names of the lines.
        public var named: [(name: StaticString, count: Int)] {
            [
                ("policy", policies), ("user", users), ("key", keys), ("device", devices), ("note", notes),
                ("team", teams), ("member", members), ("space", spaces), ("entry", entries), ("history", versions),
            ]
        }
    }

    /// What is wrong with a line.
    public struct Fault: Error, Sendable, Equatable {
        public let sentence: String
        /// Whether it is a later format, which a later program reads.
        public let isNewer: Bool

        init(_ sentence: String, isNewer: Bool = false) {
            self.sentence = sentence
            self.isNewer = isNewer
        }
    }
}
