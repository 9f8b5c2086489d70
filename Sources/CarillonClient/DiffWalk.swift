public import Causality
internal import Storage
internal import Wire

/// A comparison through `POST /v1/diff`, request by request. Pages both ways: so many records of ours at once, and as far
/// as the hub compares in one go.
public struct DiffWalk: Sendable {
    private let entries: [Manifest.Entry]
    private let kinds: [Identifier]
    /// The first entry that the hub has not compared.
    private var position = 0
    private var after: String?
    private var sentEnd = 0
    public private(set) var isOver = false

    /// - Parameter entries: sorted, of `kinds` only where these are not empty.
    public init(_ entries: [Manifest.Entry], kinds: [Identifier]) {
        self.entries = entries
        self.kinds = kinds
    }

    /// The request's body.
    public mutating func request() -> [UInt8] {
        var out: [UInt8] = Array("{".utf8)
        if !kinds.isEmpty {
            out += Array("\"kinds\":[".utf8)
            for (index, kind) in kinds.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONText.append(kind.text, into: &out)
            }
            out += Array("],".utf8)
        }
        if let after {
            out += Array("\"after\":".utf8)
            JSONText.append(after, into: &out)
            out.append(UInt8(ascii: ","))
        }
        out += Array("\"records\":[".utf8)
        sentEnd = position
        while sentEnd < entries.count, sentEnd - position < Manifest.requestCountMax,
            out.count < Manifest.requestBytesMax
        {
            let entry = entries[sentEnd]
            if sentEnd > position { out.append(UInt8(ascii: ",")) }
            for (name, value) in [("{\"kind\":", entry.kind), (",\"id\":", entry.id), (",\"hash\":", entry.hash)] {
                out += Array(name.utf8)
                JSONText.append(value.text, into: &out)
            }
            out.append(UInt8(ascii: "}"))
            sentEnd += 1
        }
        return out + Array("],\"is_last\":\(sentEnd == entries.count)}".utf8)
    }

    /// Takes the answer; nil where it is none, or where it leads nowhere.
    public mutating func take(_ answer: [UInt8]) -> [Difference]? {
        guard let answer = RawObject(answer), let missing = answer.objects("missing"),
            let different = answer.objects("different"), let unknown = answer.objects("unknown")
        else { return nil }
        var found: [Difference] = []
        for (way, list) in [(Difference.Way.missing, missing), (.different, different), (.unknown, unknown)] {
            for (_, object) in list {
                guard let kind = object.string("kind"), let id = object.string("id") else { return nil }
                found.append(
                    Difference(
                        way: way, kind: kind, id: id, hash: object.string("hash"),
                        isDeleted: object.boolean("deleted")))
            }
        }
        guard answer.boolean("has_more") else {
            isOver = true
            return found
        }
        // A token that does not move would be asked for ever.
        guard let next = answer.string("next"), next != after else { return nil }
        after = next
        position = place(behind: next)
        return found
    }

    /// The first of our entries that the hub has not compared.
    private func place(behind token: String) -> Int {
        guard let name = NameToken(parsing: token)?.name else { return sentEnd }
        return entries[position..<sentEnd].firstIndex {
            $0.kind == name.kind ? name.id < $0.id : name.kind < $0.kind
        } ?? sentEnd
    }
}

/// A record that is not the same on both sides.
public struct Difference: Sendable, Equatable {
    public enum Way: String, Sendable {
        /// On the hub only.
        case missing
        /// On both, with other contents, or deleted on the hub.
        case different
        /// Here only.
        case unknown
    }

    public let way: Way
    public let kind: String
    public let id: String
    /// Of the hub's version.
    public let hash: String?
    public let isDeleted: Bool
}
