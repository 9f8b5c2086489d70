internal import Causality
internal import Cryptography
public import Storage

/// Writes an ``Export`` line by line.
public struct ExportWriter {
    public private(set) var counts = Export.Counts()
    private let digest = SHA256Stream()
    private var line: [UInt8] = []

    public init() {}

    /// The first line.
    public mutating func header() -> [UInt8] {
        begin("header")
        line.put(",\"format\":")
        line.putString(Export.format)
        line.put(",\"version\":")
        line.putInteger(Export.version)
        return end()
    }

    /// The line of `item`, with its end. Valid as long as its caller keeps it; the buffer is its own.
    ///
    /// - Throws: ``Export/Fault`` where the line would be longer than a reader takes.
    public mutating func line(of item: KeptItem) throws(Export.Fault) -> [UInt8] {
        counts.count(item)
        switch item {
        case .life(let generation):
            begin("life")
            field("generation", generation.text)
        case .policy(let policy, let kind):
            let stored = StoredPolicy(policy)
            begin("policy")
            field("kind", kind.text)
            field("policy", stored.name)
            field("rule", stored.rule)
        case .user(let user, let passwordHash): put(user, passwordHash)
        case .key(let key): put(key)
        case .device(let device): put(device)
        case .note(let note, let name, let device, let user):
            begin("note")
            field("user", user.text)
            field("device", device.text)
            field("name", name)
            put(name: "note")
            line.append(UInt8(ascii: "\""))
            Base64.encode(note, into: &line)
            line.append(UInt8(ascii: "\""))
        case .team(let team):
            begin("team")
            field("id", team.id.text)
            field("name", team.name.text)
        case .member(let member):
            begin("member")
            field("team", member.teamID.text)
            field("user", member.userID.text)
            field("role", member.role.rawValue)
        case .space(let space, let head):
            begin("space")
            field("space", space.text)
            field("head", head.microseconds)
        case .entry(let entry, let space):
            begin("entry")
            field("space", space.text)
            field("position", entry.position.microseconds)
            field("author", entry.author.text)
            if entry.isSibling { line.put(",\"sibling\":true") }
            field("reason", entry.reason.rawValue)
            if !entry.detail.isEmpty { field("detail", entry.detail) }
            if let visibility = entry.change.visibility, visibility != .private {
                field("visibility", visibility.text)
            }
            if !entry.owner.text.isEmpty { field("owner", entry.owner.text) }
            if entry.wasShared { line.put(",\"was_shared\":true") }
            put(entry.change)
        case .version(let version, _, let space):
            begin("history")
            field("space", space.text)
            field("number", version.number)
            put(version.change)
        }
        guard line.count < Export.lineBytesMax else {
            throw Export.Fault("a line has \(line.count) bytes, over the limit of \(Export.lineBytesMax)")
        }
        return end()
    }

    /// The last line, by which a reader knows that nothing is missing or changed.
    public mutating func trailer() -> [UInt8] {
        let sum = Digest.hex(digest.finish())
        begin("trailer")
        line.put(",\"counts\":{")
        for (index, count) in counts.named.enumerated() {
            line.put(index == 0 ? "\"" : ",\"")
            line.put(count.name)
            line.put("\":")
            line.putInteger(count.count)
        }
        line.put("}")
        field("sha256", sum)
        line.put("}\n")
        return line
    }

    private mutating func begin(_ type: StaticString) {
        line.removeAll(keepingCapacity: true)
        line.put("{\"type\":\"")
        line.put(type)
        line.put("\"")
    }

    private mutating func end() -> [UInt8] {
        line.put("}\n")
        digest.update(line)
        return line
    }

    private mutating func field(_ name: StaticString, _ text: String) {
        put(name: name)
        line.putString(text)
    }

    private mutating func field(_ name: StaticString, _ number: Int64) {
        put(name: name)
        line.putInteger(number)
    }

    private mutating func put(name: StaticString) {
        line.put(",\"")
        line.put(name)
        line.put("\":")
    }

    private mutating func put(_ user: User, _ passwordHash: String?) {
        begin("user")
        field("id", user.id.text)
        field("name", user.name.text)
        if !user.email.isEmpty { field("email", user.email) }
        if user.tier != .unlimited {
            field("tier", user.tier.name)
            field("device_limit", Int64(user.tier.deviceLimit))
            field("record_limit", Int64(user.tier.recordLimit))
        }
        if let passwordHash { field("password_hash", passwordHash) }
    }

    private mutating func put(_ key: APIKeyRecord) {
        begin("key")
        field("prefix", key.prefix)
        field("user", key.userID.text)
        field("secret_hash", Digest.hex(key.secretHash))
        field("label", key.label)
        field("created_at", key.createdAt.microseconds)
        if let revokedAt = key.revokedAt { field("revoked_at", revokedAt.microseconds) }
        if let salt = key.encryptionSalt { field("encryption_salt", Digest.hex(salt)) }
    }

    private mutating func put(_ device: Device) {
        begin("device")
        field("user", device.userID.text)
        field("id", device.id.text)
        field("replica", device.replica.text)
        field("name", device.name)
        field("platform", device.platform)
        field("registered_at", device.registeredAt.microseconds)
        field("last_seen_at", device.lastSeenAt.microseconds)
        if let acknowledged = device.acknowledged { field("acknowledged", acknowledged.microseconds) }
        if let key = device.registrationKey { field("registration_key", key) }
        if !device.clientVersion.isEmpty { field("client_version", device.clientVersion) }
    }

    private mutating func put(_ change: Change) {
        field("kind", change.kind.text)
        field("id", change.id.text)
        field("namespace", change.namespace.text)
        put(name: "clock")
        FrameEncoder.encodeClock(change.clock, into: &line)
        field("hash", change.hash.text)
        if change.isDeleted { line.put(",\"deleted\":true") }
        field("updated_at", change.updatedAt)
        field("schema_version", Int64(change.schemaVersion))
        field("writer", change.writer.text)
        if let embedding = change.embedding {
            put(name: "embedding")
            line.append(UInt8(ascii: "\""))
            Base64.encode(StoredEmbedding.bytes(embedding), into: &line)
            line.append(UInt8(ascii: "\""))
        }
        if ExportWriter.isPlain(change.body) {
            put(name: "body")
            line.append(contentsOf: change.body)
        } else if !change.body.isEmpty {
            put(name: "body_base64")
            line.append(UInt8(ascii: "\""))
            Base64.encode(change.body, into: &line)
            line.append(UInt8(ascii: "\""))
        }
    }

    /// Whether a reader of the line finds the same bytes again: one JSON value without white space around it, and without
    /// control characters, which a line break is and which programs between may change.
    private static func isPlain(_ body: ArraySlice<UInt8>) -> Bool {
        guard !body.isEmpty else { return false }
        return body.withUnsafeBytes { bytes in
            guard let place = try? JSONScanner.validate(bytes), place == 0..<bytes.count else { return false }
            return !bytes.contains { $0 < 0x20 }
        }
    }
}
