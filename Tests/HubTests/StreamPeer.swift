import Foundation
import HubTesting
import Testing

/// A client of an answer that goes on: reads the body as it comes, by code of its own that shares nothing with the hub.
final class StreamPeer {
    struct Event {
        var type = "message"
        var id: String?
        var data = ""

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(data.utf8))) as? [String: Any] ?? [:]
        }
    }

    let peer: SocketPeer
    let status: Int
    let head: String
    /// The whole body has come: its last chunk, or the close where that is its end.
    private(set) var isEnded = false
    /// The connection closed.
    private(set) var isClosed = false
    private(set) var commentCount = 0
    private(set) var retryMilliseconds: Int?
    /// The last event's id: what it would resume from.
    private(set) var lastID: String?
    /// Set where an event's `after` was not the last id: the chain broke.
    private(set) var gaps: [String] = []
    private let isChunked: Bool
    /// Bytes as they came, and what of them was read.
    private var raw: [UInt8] = []
    private var rawIndex = 0
    private var body: [UInt8] = []

    init(
        port: UInt16, _ target: String, key: String?, method: String = "GET", fields: String = "",
        version: String = "1.1", receiveBufferBytes: Int32? = nil
    ) throws {
        peer = try SocketPeer(port: port, receiveBufferBytes: receiveBufferBytes)
        let authorization = key.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        try peer.write("\(method) \(target) HTTP/\(version)\r\nHost: localhost\r\n\(authorization)\(fields)\r\n")
        head = try peer.read(until: "\r\n\r\n")
        status = Int(head.split(separator: " ")[1]) ?? 0
        isChunked = head.contains("Transfer-Encoding: chunked")
        raw = peer.takeInput()
    }

    /// The next event; nil when the body ended or nothing came in time.
    func nextEvent(seconds: Double = 10) throws -> Event? {
        while let block = try nextBlock(seconds: seconds) {
            if let event = read(block) { return event }
        }
        return nil
    }

    /// Reads on until so many comments have come; events on the way are followed and dropped.
    func readComments(_ count: Int) throws {
        while commentCount < count, let block = try nextBlock(seconds: 10) { _ = read(block) }
    }

    /// The next event of `type`; those of the chain before it are followed and dropped.
    func next(_ type: String) throws -> Event {
        while let event = try nextEvent() {
            if event.type == type { return event }
        }
        throw SocketPeer.Failure(description: "no event \(type) came; ended: \(isEnded), closed: \(isClosed)")
    }

    /// Changes and siblings in the order they come: `count` of them, or all before the next `synced`.
    func changes(count: Int = .max, endsAtSynced: Bool = false) throws -> [[String: Any]] {
        var all: [[String: Any]] = []
        while all.count < count, let event = try nextEvent() {
            switch event.type {
            case "changes": all += event.json["changes"] as? [[String: Any]] ?? []
            case "conflict": all.append(event.json["change"] as? [String: Any] ?? [:])
            case "synced" where endsAtSynced: return all
            default: continue
            }
        }
        guard all.count == count else {
            throw SocketPeer.Failure(description: "the changes never came; so far \(all.count), closed \(isClosed)")
        }
        return all
    }

    /// The rest of the body.
    func readToEnd() throws -> [UInt8] {
        while try readMore(seconds: 20) {}
        defer { body = [] }
        return body
    }

    /// Reads more of the body; false at its end, or when nothing came in time.
    func readMore(seconds: Double) throws -> Bool {
        if isEnded || isClosed { return false }
        if rawIndex == raw.count {
            guard let bytes = peer.read(seconds: seconds) else { return false }
            if bytes.isEmpty {
                isClosed = true
                isEnded = !isChunked
                return false
            }
            raw = bytes
            rawIndex = 0
        }
        guard isChunked else {
            body += raw[rawIndex...]
            rawIndex = raw.count
            return true
        }
        return try readChunk(seconds: seconds)
    }

    private func readChunk(seconds: Double) throws -> Bool {
        var line: [UInt8] = []
        while !line.suffix(2).elementsEqual("\r\n".utf8) {
            guard let more = octets(1, seconds: seconds) else { return false }
            line += more
        }
        let text = String(decoding: line.dropLast(2), as: UTF8.self)
        guard let size = Int(text, radix: 16) else {
            throw SocketPeer.Failure(description: "this is no size of a chunk: \(text)")
        }
        guard let data = octets(size, seconds: seconds), let end = octets(2, seconds: seconds) else { return false }
        #expect(end.elementsEqual("\r\n".utf8))
        body += data
        if size == 0 { isEnded = true }
        return size > 0
    }

    /// The next `count` octets of the connection; nil when it closes before or they do not come in time.
    private func octets(_ count: Int, seconds: Double) -> ArraySlice<UInt8>? {
        while raw.count - rawIndex < count {
            guard let bytes = peer.read(seconds: seconds) else { return nil }
            if bytes.isEmpty {
                isClosed = true
                return nil
            }
            raw.removeSubrange(..<rawIndex)
            rawIndex = 0
            raw += bytes
        }
        defer { rawIndex += count }
        return raw[rawIndex..<(rawIndex + count)]
    }

    /// What stands before the next empty line.
    private func nextBlock(seconds: Double) throws -> [UInt8]? {
        while true {
            if let range = body.firstRange(of: Array("\n\n".utf8)) {
                let block = Array(body[..<range.lowerBound])
                body.removeSubrange(..<range.upperBound)
                return block
            }
            guard try readMore(seconds: seconds) else { return nil }
        }
    }

    /// WHATWG HTML 9.2.6.
    private func read(_ block: [UInt8]) -> Event? {
        var event = Event()
        var data: [String] = []
        for line in block.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix(":") {
                commentCount += 1
                continue
            }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1].hasPrefix(" ") ? parts[1].dropFirst() : parts[1]) : ""
            switch parts[0] {
            case "event": event.type = value
            case "id": event.id = value
            case "data": data.append(value)
            case "retry": retryMilliseconds = Int(value)
            default: continue
            }
        }
        guard !data.isEmpty else { return nil }
        event.data = data.joined(separator: "\n")
        follow(event)
        return event
    }

    private func follow(_ event: Event) {
        guard let id = event.id else { return }
        let frame = event.json
        #expect(frame["up_to"] as? String == id)
        #expect(frame["type"] as? String == event.type)
        if let lastID, let after = frame["after"] as? String, after != lastID {
            gaps.append("\(after) after \(lastID)")
        }
        lastID = id
    }
}

extension TestHub {
    static let eventStream = "Accept: text/event-stream\r\n"

    func events(
        _ query: String = "", key: String? = nil, fields: String = "", version: String = "1.1",
        receiveBufferBytes: Int32? = nil
    ) throws -> StreamPeer {
        try StreamPeer(
            port: port, "/v1/changes\(query)", key: key ?? self.key, fields: TestHub.eventStream + fields,
            version: version, receiveBufferBytes: receiveBufferBytes)
    }

    func export(_ query: String = "", version: String = "1.1", receiveBufferBytes: Int32? = nil) throws -> StreamPeer {
        try StreamPeer(
            port: port, "/v1/export\(query)", key: key, version: version, receiveBufferBytes: receiveBufferBytes)
    }
}
