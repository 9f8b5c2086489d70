internal import Causality
internal import Cryptography
public import Storage

/// Reads an ``Export`` line by line. What is wrong across lines is `KeptSequence`'s and the store's to say.
public struct ExportReader {
    private enum Stage {
        case header, items, trailer, over
    }

    public private(set) var counts = Export.Counts()
    private let digest = SHA256Stream()
    private var stage = Stage.header
    private var version = Export.version

    public init() {}

    /// Whether the trailer was read, and said that all is there.
    public var isComplete: Bool { stage == .over }

    /// What `line` says, which is without its end; nil for the header and the trailer.
    public mutating func take(_ line: [UInt8]) throws(Export.Fault) -> KeptItem? {
        guard stage != .over else { throw Export.Fault("something follows the trailer") }
        guard line.count <= Export.lineBytesMax else { throw ExportReader.tooLong }
        let item: KeptItem?
        do throws(FieldProblem) {
            item = try read(line)
        } catch {
            throw Export.Fault(error.message)
        }
        if stage == .over { return nil }
        digest.update(line)
        digest.update([UInt8(ascii: "\n")])
        if let item { counts.count(item) }
        return item
    }

    /// What is wrong with an input that ends here; nil where nothing is.
    public var fault: Export.Fault? {
        isComplete ? nil : Export.Fault("the trailer is missing: the export is cut off")
    }

    public static let tooLong = Export.Fault("the line is longer than \(Export.lineBytesMax) bytes")

    private mutating func read(_ line: [UInt8]) throws(FieldProblem) -> KeptItem? {
        let object = try ExportObject(line)
        guard stage != .header else {
            try readHeader(object)
            return nil
        }
        switch try object.text("type") {
        case "life": return .life(try object.generation())
        case "policy": return try object.policy()
        case "user": return .user(try object.user(), passwordHash: try object.optionalText("password_hash"))
        case "key": return .key(try object.key())
        case "device": return .device(try object.device())
        case "note": return try object.note()
        case "team": return .team(Team(id: try object.identifier("id"), name: try object.identifier("name")))
        case "member": return .member(try object.member())
        case "space":
            return .space(try object.identifier("space"), head: try object.position("head"))
        case "entry": return .entry(try object.entry(), space: try object.identifier("space"))
        case "history":
            let change = try object.change()
            let number = try object.integer("number", in: 0...Int64.max)
            return .version(
                HistoryVersion(number: number, change: change), name: change.name,
                space: try object.identifier("space"))
        case "trailer":
            try readTrailer(object)
            return nil
        case "header": throw FieldProblem(.badField, "a second header: two exports in one file")
        case let other: throw FieldProblem(.badField, "there is no kind of line \"\(other.prefix(64))\"")
        }
    }

    private mutating func readHeader(_ object: ExportObject) throws(FieldProblem) {
        guard try object.optionalText("type") == "header", try object.optionalText("format") == Export.format else {
            throw FieldProblem(.badField, "this is no header of a carillon export (`carillon admin export`)")
        }
        version = try object.integer("version", in: 0...Int64.max)
        guard Export.versionsRead.contains(version) else {
            throw FieldProblem(
                .badField,
                "the export has the format \(version), and this program reads up to \(Export.versionsRead.upperBound)")
        }
        stage = .items
    }

    private mutating func readTrailer(_ object: ExportObject) throws(FieldProblem) {
        let counts = try object.object("counts")
        for (name, count) in self.counts.named {
            // The format 1 counts not what it has not.
            let isNew = version == 1 && ["note", "team", "member"].contains("\(name)")
            let told = isNew ? 0 : try counts.integer(name, in: 0...Int64.max)
            guard told == Int64(count) else {
                throw FieldProblem(.badField, "the trailer counts \(told) lines of \(name), and there are \(count)")
            }
        }
        guard try object.text("sha256") == Digest.hex(digest.finish()) else {
            throw FieldProblem(.badField, "the SHA-256 is another one: the export was damaged or changed")
        }
        stage = .over
    }
}
