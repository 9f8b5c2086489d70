internal import HTTPTypes

/// Reads the lines of a head: the start line as bytes, the field lines as fields.
struct HeadLines {
    private let head: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter head: from the start line to the empty line, each ended by CR LF.
    init(_ head: UnsafeRawBufferPointer) {
        self.head = head
        if head.count >= 2, head[0] == Octet.carriageReturn { position = 2 }
    }

    /// The next line without its CR LF; empty at the end of the head.
    mutating func next() -> UnsafeRawBufferPointer {
        let start = position
        while position < head.count, head[position] != Octet.lineFeed { position += 1 }
        let end = max(start, position - 1)
        position += 1
        return end <= head.count && start <= end
            ? UnsafeRawBufferPointer(rebasing: head[start..<end]) : .init(start: nil, count: 0)
    }

    /// All field lines to the end of the head (RFC 9112 5).
    mutating func fields(limits: HTTPLimits) throws(HTTPError) -> HTTPFields {
        var fields = HTTPFields()
        var count = 0
        while true {
            let line = next()
            if line.isEmpty { return fields }
            count += 1
            if count > limits.fieldCountMax { throw .fieldsTooMany }
            fields.append(try field(line))
        }
    }

    private func field(_ line: UnsafeRawBufferPointer) throws(HTTPError) -> HTTPField {
        // RFC 9112 5.2 and 2.2: folding, and white space between start line and first field, are refused.
        if line[0] == Octet.space || line[0] == Octet.tab { throw .foldingObsolete }
        guard let colon = line.firstIndex(of: Octet.colon), colon > 0 else { throw .fieldNameInvalid }
        // RFC 9112 5.1: a server refuses white space between name and colon.
        if line[colon - 1] == Octet.space || line[colon - 1] == Octet.tab { throw .spaceBeforeColon }
        guard let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)) else {
            throw .fieldNameInvalid
        }
        var start = colon + 1
        var end = line.count
        while start < end, line[start] == Octet.space || line[start] == Octet.tab { start += 1 }
        while end > start, line[end - 1] == Octet.space || line[end - 1] == Octet.tab { end -= 1 }
        // RFC 9110 5.5: CR, LF, NUL and the other controls are refused, not replaced.
        for octet in line[start..<end] where !Octet.isFieldValue(octet) {
            throw octet == Octet.carriageReturn ? .lineEndInvalid : .fieldValueInvalid
        }
        return HTTPField(name: name, value: String(decoding: line[start..<end], as: UTF8.self))
    }
}

extension HTTPFields {
    /// The members of a comma-separated field over all its lines, without white space (RFC 9110 5.6.1).
    func list(_ name: HTTPField.Name) -> [Substring] {
        self[values: name].flatMap { value in
            value.split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
        }
    }

    /// Whether a comma-separated field names `token`, in any case.
    func list(_ name: HTTPField.Name, names token: String) -> Bool {
        list(name).contains { Token.equal($0, token) }
    }
}

extension Substring {
    func trimmingSpaces() -> Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
