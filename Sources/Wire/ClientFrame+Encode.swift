internal import Causality

extension ClientFrame {
    /// Appends the frame as JSON. Items of a push that are no changes are left out.
    public func encode(into out: inout [UInt8]) {
        switch self {
        case .hello(let hello): hello.encode(into: &out)
        case .push(let push):
            out.put("{\"type\":\"push\",")
            push.encodeFields(into: &out)
        case .resolve(let push):
            out.put("{\"type\":\"resolve\",\"id\":")
            out.putString(push.id)
            if case .change(let change)? = push.items.first {
                out.put(",\"change\":")
                FrameEncoder.encodeChange(change, into: &out)
            }
            out.put("}")
        case .ack(let cursor):
            out.put("{\"type\":\"ack\",\"cursor\":\"")
            cursor.write(into: &out)
            out.put("\"}")
        case .ping(let id):
            out.put("{\"type\":\"ping\"")
            if let id {
                out.put(",\"id\":")
                out.putString(id)
            }
            out.put("}")
        case .bye: out.put("{\"type\":\"bye\"}")
        }
    }
}

extension Push {
    /// Appends the push as the body of `POST /v1/push`: the frame without its type.
    public func encodeBody(into out: inout [UInt8]) {
        out.put("{")
        encodeFields(into: &out)
    }

    func encodeFields(into out: inout [UInt8]) {
        openFields(into: &out)
        var isFirst = true
        for case .change(let change) in items {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            FrameEncoder.encodeChange(change, into: &out)
            isFirst = false
        }
        out.put("]}")
    }

    /// Appends a push frame up to its first change; `items` are not looked at. Changes that stand as bytes already
    /// follow, with commas between, and ``closeFrame(into:)``.
    public func openFrame(into out: inout [UInt8]) {
        out.put("{\"type\":\"push\",")
        openFields(into: &out)
    }

    public static func closeFrame(into out: inout [UInt8]) { out.put("]}") }

    private func openFields(into out: inout [UInt8]) {
        out.put("\"id\":")
        out.putString(id)
        if isAtomic { out.put(",\"atomic\":true") }
        if isForced { out.put(",\"force\":true") }
        out.put(",\"changes\":[")
    }
}

extension Hello {
    func encode(into out: inout [UInt8]) {
        out.put("{\"type\":\"hello\",\"protocol\":")
        out.putInteger(protocolVersion)
        out.put(",\"device\":")
        out.putString(device.text)
        if let key {
            out.put(",\"key\":")
            out.putString(key)
        }
        if let cursor {
            out.put(",\"cursor\":\"")
            cursor.write(into: &out)
            out.put("\"")
        }
        put("kinds", kinds, into: &out)
        put("namespaces", namespaces, into: &out)
        if !live { out.put(",\"live\":false") }
        if let client {
            out.put(",\"client\":")
            out.putString(client)
        }
        if let space {
            out.put(",\"space\":")
            out.putString(space.text)
        }
        out.put("}")
    }

    private func put(_ name: StaticString, _ values: [Identifier], into out: inout [UInt8]) {
        guard !values.isEmpty else { return }
        out.put(",\"")
        out.put(name)
        out.put("\":[")
        for (index, value) in values.enumerated() {
            if index > 0 { out.put(",") }
            out.putString(value.text)
        }
        out.put("]")
    }
}
