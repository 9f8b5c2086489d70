internal import Causality
internal import Storage

/// What hubs say to each other: one line of text each, of words with a space between.
///
///     HUB committed GENERATION SPACE AFTER UPTO [SPACE AFTER UPTO ...]
///     HUB seated USER DEVICE STAMP [USER DEVICE STAMP ...]
///     HUB streams USER COUNT [USER COUNT ...]
///     HUB revoked
///     HUB stopped
///
/// HUB is a hub's random name, GENERATION as in cursors, positions and stamps are in base 36, names are percent-encoded.
/// A line of another verb is one of a newer hub, and is passed over. The words behind a verb are only ever added to.
enum BusLine: Equatable {
    case committed(Generation, [Stretch])
    case seated([Seated])
    /// How many streams, polls and exports users hold at that hub.
    case streams([UserCount])
    /// Something was revoked or removed: the store says what.
    case revoked
    /// Its streams are no more.
    case stopped

    struct Stretch: Equatable {
        let space: Identifier
        let after: Position
        let upTo: Position
    }

    struct Seated: Equatable {
        let user: Identifier
        let device: Identifier
        let stamp: Int64
    }

    struct UserCount: Equatable {
        let user: Identifier
        let count: Int
    }

    /// Bytes of a hub's name.
    static let hubBytes = 16

    // MARK: Writing

    /// As few lines as hold it, each of at most ``BusMessage/lineBytesMax`` bytes.
    func lines(of hub: String) -> [String] {
        switch self {
        case .committed(let generation, let stretches):
            let groups = stretches.map { stretch in
                [BusWord.escape(stretch.space), BusWord.text(stretch.after), BusWord.text(stretch.upTo)]
            }
            return BusLine.lines("\(hub) committed \(generation.text)", groups)
        case .seated(let seats):
            return BusLine.lines(
                "\(hub) seated",
                seats.map { [BusWord.escape($0.user), BusWord.escape($0.device), String($0.stamp, radix: 36)] })
        case .streams(let counts):
            return BusLine.lines("\(hub) streams", counts.map { [BusWord.escape($0.user), String($0.count)] })
        case .revoked: return ["\(hub) revoked"]
        case .stopped: return ["\(hub) stopped"]
        }
    }

    private static func lines(_ prefix: String, _ groups: [[String]]) -> [String] {
        var lines: [String] = []
        var line = prefix
        for group in groups {
            let words = group.joined(separator: " ")
            if line.utf8.count + 1 + words.utf8.count > BusMessage.lineBytesMax, line.utf8.count > prefix.utf8.count {
                lines.append(line)
                line = prefix
            }
            line += " " + words
        }
        if line.utf8.count > prefix.utf8.count { lines.append(line) }
        return lines
    }

    // MARK: Reading

    /// Nil where it is no line, or one of a verb that this program does not know.
    static func parse(_ line: String) -> (hub: String, line: BusLine)? {
        guard line.utf8.count <= BusMessage.lineBytesMax else { return nil }
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].utf8.count == hubBytes, words[0].utf8.allSatisfy(BusWord.isPlain) else {
            return nil
        }
        guard let parsed = parse(verb: words[1], words.dropFirst(2)) else { return nil }
        return (String(words[0]), parsed)
    }

    private static func parse(verb: Substring, _ words: ArraySlice<Substring>) -> BusLine? {
        switch verb {
        case "committed":
            guard let first = words.first, let generation = BusWord.generation(first) else { return nil }
            return groups(words.dropFirst(), of: 3) { words in
                guard let space = BusWord.identifier(words[0]), let after = BusWord.position(words[1]),
                    let upTo = BusWord.position(words[2]), after <= upTo
                else { return nil }
                return Stretch(space: space, after: after, upTo: upTo)
            }.map { .committed(generation, $0) }
        case "seated":
            return groups(words, of: 3) { words in
                guard let user = BusWord.identifier(words[0]), let device = BusWord.identifier(words[1]),
                    let stamp = BusWord.position(words[2])
                else { return nil }
                return Seated(user: user, device: device, stamp: stamp.microseconds)
            }.map { .seated($0) }
        case "streams":
            return groups(words, of: 2) { words in
                guard let user = BusWord.identifier(words[0]), let count = BusWord.count(words[1]) else { return nil }
                return UserCount(user: user, count: count)
            }.map { .streams($0) }
        case "revoked": return .revoked
        case "stopped": return .stopped
        default: return nil
        }
    }

    private static func groups<Group>(
        _ words: ArraySlice<Substring>, of count: Int, _ read: ([Substring]) -> Group?
    ) -> [Group]? {
        guard !words.isEmpty, words.count.isMultiple(of: count) else { return nil }
        var groups: [Group] = []
        var rest = words
        while !rest.isEmpty {
            guard let group = read(Array(rest.prefix(count))) else { return nil }
            groups.append(group)
            rest = rest.dropFirst(count)
        }
        return groups
    }
}

/// The words of a ``BusLine``.
enum BusWord {
    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    static func escape(_ name: Identifier) -> String {
        guard !name.text.utf8.allSatisfy(isPlain) else { return name.text }
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in name.text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func identifier(_ word: Substring) -> Identifier? {
        var bytes: [UInt8] = []
        var rest = word.utf8[...]
        while let byte = rest.popFirst() {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                guard byte == UInt8(ascii: "%"), let high = rest.popFirst().flatMap(digit),
                    let low = rest.popFirst().flatMap(digit)
                else { return nil }
                bytes.append(high << 4 | low)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return try? Identifier(text)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    static func text(_ position: Position) -> String {
        String(position.microseconds, radix: 36)
    }

    static func position(_ word: Substring) -> Position? {
        guard (1...12).contains(word.utf8.count), word.utf8.allSatisfy(isPlain), let number = Int64(word, radix: 36),
            (0...Position.max.microseconds).contains(number)
        else { return nil }
        return Position(number)
    }

    static func count(_ word: Substring) -> Int? {
        guard let count = Int(word), (0...1_000_000).contains(count) else { return nil }
        return count
    }

    static func generation(_ word: Substring) -> Generation? {
        guard (1...16).contains(word.utf8.count) else { return nil }
        return UInt64(word, radix: 16).map(Generation.init)
    }
}
