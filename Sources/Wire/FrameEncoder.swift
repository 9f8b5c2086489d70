public import Causality
internal import Storage

/// The pieces of hub frames that the hub puts together from bytes it already has.
///
/// A change is encoded once, by ``encodeEntry(_:into:)``; a `changes` frame is a prefix, encoded entries with a comma
/// between, and a suffix. Every function appends to a buffer that its caller reuses.
public enum FrameEncoder {
    /// Appends `entry` as an object: the change's fields, `position` and `author`, `sibling` where it is one, and how it
    /// came there where that is more than one version after another.
    public static func encodeEntry(_ entry: LogEntry, into out: inout [UInt8]) {
        openChange(entry.change, into: &out)
        out.put(",\"position\":")
        out.putInteger(entry.position.microseconds)
        out.put(",\"author\":")
        out.putString(entry.author.text)
        if !entry.owner.text.isEmpty {
            out.put(",\"owner\":")
            out.putString(entry.owner.text)
        }
        if let visibility = entry.change.visibility, visibility != .private { put(visibility, into: &out) }
        if entry.isSibling { out.put(",\"sibling\":true") }
        if !entry.reason.isPlain {
            out.put(",\"reason\":")
            out.putString(entry.reason.rawValue)
            if !entry.detail.isEmpty {
                out.put(",\"detail\":")
                out.putString(entry.detail)
            }
        }
        out.put("}")
    }

    /// Appends `entry` as a line of NDJSON, its end included.
    ///
    /// A body is kept as it was sent, and line ends may stand between its tokens, never inside a string: as spaces they
    /// mean the same, and its `hash` stays what the writer said. Every other byte is as it was pushed.
    public static func encodeLine(_ entry: LogEntry, into out: inout [UInt8]) {
        let start = out.count
        encodeEntry(entry, into: &out)
        out.withUnsafeMutableBufferPointer { bytes in
            // A store for every byte, without a branch, is done 16 at a time.
            for index in start..<bytes.count {
                let byte = bytes[index]
                bytes[index] = byte == 0x0a || byte == 0x0d ? 0x20 : byte
            }
        }
        out.append(UInt8(ascii: "\n"))
    }

    /// Appends `change` as an object, as a push carries it.
    public static func encodeChange(_ change: Change, into out: inout [UInt8]) {
        openChange(change, into: &out)
        if let visibility = change.visibility { put(visibility, into: &out) }
        if !change.supersedes.isEmpty {
            out.put(",\"supersedes\":[")
            for (index, clock) in change.supersedes.enumerated() {
                if index > 0 { out.put(",") }
                encodeClock(clock, into: &out)
            }
            out.put("]")
        }
        out.put("}")
    }

    /// Appends `clock` as an object of counters, sorted by the replicas' bytes.
    public static func encodeClock(_ clock: VectorClock, into out: inout [UInt8]) {
        var separator: UInt8 = UInt8(ascii: "{")
        for entry in clock.entries {
            out.append(separator)
            out.putString(entry.replica.text)
            out.put(":")
            out.putInteger(entry.counter)
            separator = UInt8(ascii: ",")
        }
        if clock.isEmpty { out.put("{") }
        out.put("}")
    }

    /// Appends a `changes` frame up to its first entry.
    public static func changesPrefix(space: Identifier, after: Cursor, upTo: Cursor, into out: inout [UInt8]) {
        out.put("{\"type\":\"changes\"")
        link(space: space, after: after, upTo: upTo, into: &out)
        out.put(",\"changes\":[")
    }

    /// Appends what stands between two entries of a `changes` frame.
    public static func changesSeparator(into out: inout [UInt8]) { out.put(",") }

    /// Appends the end of a `changes` frame.
    public static func changesSuffix(into out: inout [UInt8]) { out.put("]}") }

    /// Bytes of a `changes` frame but for its entries and separators, at most: for those who fill frames to a limit.
    public static let changesOverheadBytesMax = 64 + 6 * Identifier.bytesMax + 2 * Cursor.textBytesMax

    /// Appends a `conflict` frame around an encoded sibling.
    public static func conflict(
        space: Identifier, after: Cursor, upTo: Cursor, entry: some Collection<UInt8>, headClock: VectorClock?,
        into out: inout [UInt8]
    ) {
        out.put("{\"type\":\"conflict\"")
        link(space: space, after: after, upTo: upTo, into: &out)
        out.put(",\"change\":")
        out.append(contentsOf: entry)
        if let headClock {
            out.put(",\"head_clock\":")
            encodeClock(headClock, into: &out)
        }
        out.put("}")
    }

    /// Appends a `synced` frame.
    public static func synced(space: Identifier, after: Cursor?, upTo: Cursor, into out: inout [UInt8]) {
        out.put("{\"type\":\"synced\"")
        link(space: space, after: after, upTo: upTo, into: &out)
        out.put("}")
    }

    /// Appends a page of the log, the answer of `GET /v1/pull`: `changes`, `cursor`, `has_more`. Siblings are marked.
    public static func page(_ entries: [LogEntry], cursor: Cursor, hasMore: Bool, into out: inout [UInt8]) {
        // Once for the page: reserving for each entry would move the whole page each time.
        out.reserveCapacity(entries.reduce(out.count + 256) { $0 + $1.encodedBytesEstimate + 32 })
        out.put("{\"changes\":[")
        encodeEntries(entries, into: &out)
        out.put("],\"cursor\":\"")
        cursor.write(into: &out)
        out.put("\",\"has_more\":")
        out.putBoolean(hasMore)
        out.put("}")
    }

    /// Appends a record, the answer of `GET /v1/records/{kind}/{id}`: `head`, and `siblings`, oldest first.
    public static func record(_ record: Record, into out: inout [UInt8]) {
        out.put("{")
        versions(of: record, into: &out)
        out.put("}")
    }

    /// Appends the fields `head` and `siblings`.
    static func versions(of record: Record, into out: inout [UInt8]) {
        out.put("\"head\":")
        encodeEntry(record.head, into: &out)
        out.put(",\"siblings\":[")
        encodeEntries(record.siblings, into: &out)
        out.put("]")
    }

    /// Appends `entries` with commas between.
    static func encodeEntries(_ entries: [LogEntry], into out: inout [UInt8]) {
        for (index, entry) in entries.enumerated() {
            if index > 0 { changesSeparator(into: &out) }
            encodeEntry(entry, into: &out)
        }
    }

    /// Appends the limits as an object.
    public static func limits(_ limits: WireLimits, into out: inout [UInt8]) {
        for (index, field) in WireLimits.fields.enumerated() {
            out.put(index == 0 ? "{\"" : ",\"")
            out.put(field.name)
            out.put("\":")
            out.putInteger(limits[keyPath: field.path])
        }
        out.put("}")
    }

    private static func put(_ visibility: Visibility, into out: inout [UInt8]) {
        out.put(",\"visibility\":\"")
        out.append(contentsOf: visibility.text.utf8)
        out.put("\"")
    }

    private static func link(space: Identifier, after: Cursor?, upTo: Cursor, into out: inout [UInt8]) {
        out.put(",\"space\":")
        out.putString(space.text)
        if let after {
            out.put(",\"after\":\"")
            after.write(into: &out)
            out.put("\"")
        }
        out.put(",\"up_to\":\"")
        upTo.write(into: &out)
        out.put("\"")
    }

    private static func openChange(_ change: Change, into out: inout [UInt8]) {
        out.put("{\"kind\":")
        out.putString(change.kind.text)
        out.put(",\"id\":")
        out.putString(change.id.text)
        out.put(",\"namespace\":")
        out.putString(change.namespace.text)
        // Only a resolving change may leave its clock out: it is that of what it supersedes.
        if !change.clock.isEmpty {
            out.put(",\"clock\":")
            encodeClock(change.clock, into: &out)
        }
        out.put(",\"hash\":")
        out.putString(change.hash.text)
        if change.isDeleted { out.put(",\"deleted\":true") }
        out.put(",\"updated_at\":")
        out.putInteger(change.updatedAt)
        out.put(",\"schema_version\":")
        out.putInteger(change.schemaVersion)
        if let embedding = change.embedding {
            out.put(",\"embedding\":")
            out.putFloats(embedding)
        }
        if !change.body.isEmpty {
            out.put(",\"body\":")
            out.append(contentsOf: change.body)
        }
    }
}
