internal import Causality
internal import Storage

extension HubFrame {
    /// Appends the frame as JSON.
    public func encode(into out: inout [UInt8]) {
        switch self {
        case .welcome(let welcome): welcome.encode(into: &out)
        case .pushed(let pushed): pushed.encode(into: &out)
        case .changes(let changes): changes.encode(into: &out)
        case .conflict(let conflict): conflict.encode(into: &out)
        case .synced(let synced):
            FrameEncoder.synced(space: synced.space, after: synced.after, upTo: synced.cursor, into: &out)
        case .pong(let id):
            out.put("{\"type\":\"pong\"")
            if let id {
                out.put(",\"id\":")
                out.putString(id)
            }
            out.put("}")
        case .error(let error): error.encode(into: &out)
        case .bye(let bye):
            out.put("{\"type\":\"bye\",\"reason\":\"")
            out.append(contentsOf: bye.reason.rawValue.utf8)
            out.put("\",\"reconnect_after_ms\":")
            out.putInteger(bye.reconnectAfterMs)
            out.put("}")
        }
    }
}

extension Welcome {
    func encode(into out: inout [UInt8]) {
        out.put("{\"type\":\"welcome\",\"protocol\":")
        out.putInteger(CarillonProtocol.version)
        out.put(",\"session\":")
        out.putString(session)
        out.put(",\"server_time\":")
        out.putInteger(serverTime)
        out.put(",\"user\":")
        out.putString(user)
        out.put(",\"device\":")
        out.putString(device.text)
        out.put(",\"replica\":")
        out.putString(replica.text)
        out.put(",\"space\":")
        out.putString(space.text)
        out.put(",\"generation\":")
        out.putString(generation)
        if let cursor {
            out.put(",\"cursor\":\"")
            cursor.write(into: &out)
            out.put("\"")
        }
        out.put(",\"limits\":")
        FrameEncoder.limits(limits, into: &out)
        out.put("}")
    }
}

extension Pushed {
    func encode(into out: inout [UInt8]) {
        out.put("{\"type\":\"pushed\",\"id\":")
        out.putString(id)
        out.put(",\"items\":[")
        for (index, item) in items.enumerated() {
            if index > 0 { out.put(",") }
            item.encode(into: &out)
        }
        out.put("]")
        if let position {
            out.put(",\"position\":")
            out.putInteger(position.microseconds)
        }
        out.put("}")
    }
}

extension PushedItem {
    func encode(into out: inout [UInt8]) {
        out.put("{\"verdict\":\"")
        out.append(contentsOf: verdict.rawValue.utf8)
        out.put("\"")
        if let kind {
            out.put(",\"kind\":")
            out.putString(kind)
        }
        if let id {
            out.put(",\"id\":")
            out.putString(id)
        }
        if let reason {
            out.put(",\"reason\":\"")
            out.append(contentsOf: reason.rawValue.utf8)
            out.put("\"")
        }
        if let clock {
            out.put(",\"clock\":")
            FrameEncoder.encodeClock(clock, into: &out)
        }
        if let position {
            out.put(",\"position\":")
            out.putInteger(position.microseconds)
        }
        if let error {
            out.put(",\"error\":\"")
            out.append(contentsOf: error.rawValue.utf8)
            out.put("\"")
        }
        if let message {
            out.put(",\"message\":")
            out.putString(message)
        }
        if let stored {
            out.put(",\"stored\":")
            FrameEncoder.encodeEntry(stored, into: &out)
        }
        out.put("}")
    }
}

extension Changes {
    func encode(into out: inout [UInt8]) {
        FrameEncoder.changesPrefix(space: space, after: after, upTo: upTo, into: &out)
        FrameEncoder.encodeEntries(changes, into: &out)
        FrameEncoder.changesSuffix(into: &out)
    }
}

extension Conflict {
    func encode(into out: inout [UInt8]) {
        var entry: [UInt8] = []
        FrameEncoder.encodeEntry(change, into: &entry)
        FrameEncoder.conflict(
            space: space, after: after, upTo: upTo, entry: entry, headClock: headClock, into: &out)
    }
}

extension ErrorCode {
    /// Appends what the socket and REST say alike of an error: `remedy`, `retryable`, `retry_after_ms`, `id`.
    func encodeAdvice(retryAfterMs: Int?, id: String?, into out: inout [UInt8]) {
        out.put(",\"remedy\":")
        out.putString(remedy)
        out.put(",\"retryable\":")
        out.putBoolean(isRetryable)
        if let retryAfterMs {
            out.put(",\"retry_after_ms\":")
            out.putInteger(retryAfterMs)
        }
        if let id {
            out.put(",\"id\":")
            out.putString(id)
        }
    }
}

extension ErrorFrame {
    func encode(into out: inout [UInt8]) {
        out.put("{\"type\":\"error\",\"code\":\"")
        out.append(contentsOf: code.rawValue.utf8)
        out.put("\",\"message\":")
        out.putString(message)
        code.encodeAdvice(retryAfterMs: retryAfterMs, id: pushID, into: &out)
        out.put(",\"fatal\":")
        out.putBoolean(isFatal)
        out.put("}")
    }
}
