internal import Causality
internal import Storage

// What a store holds, out of the lines of an export.
extension ExportObject {
    func generation() throws(FieldProblem) -> Generation {
        let text = try text("generation")
        guard text.utf8.count == 16, let value = UInt64(text, radix: 16), Generation(value).text == text else {
            throw .wrong("generation", "16 hexadecimal digits")
        }
        return Generation(value)
    }

    func policy() throws(FieldProblem) -> KeptItem {
        let stored = StoredPolicy(name: try text("policy"), rule: try text("rule"))
        guard let policy = stored.policy else {
            throw FieldProblem(.badField, "`policy` and `rule` are no policy that this program knows")
        }
        return .policy(policy, kind: try identifier("kind"))
    }

    func user() throws(FieldProblem) -> User {
        var tier = Tier.unlimited
        if let name = try optionalText("tier") {
            let limits: ClosedRange<Int64> = -1...Int64.max
            tier = Tier(
                name: name, deviceLimit: Int(try integer("device_limit", in: limits)),
                recordLimit: Int(try integer("record_limit", in: limits)))
        }
        return User(
            id: try identifier("id"), name: try identifier("name"), email: try optionalText("email") ?? "", tier: tier)
    }

    func note() throws(FieldProblem) -> KeptItem {
        guard let note = try base64("note") else { throw .missing("note") }
        return .note(
            note, name: try text("name"), device: try identifier("device"), of: try identifier("user"))
    }

    func member() throws(FieldProblem) -> Membership {
        guard let role = Membership.Role(rawValue: try text("role")) else {
            throw .wrong("role", "owner, admin or member")
        }
        return Membership(teamID: try identifier("team"), userID: try identifier("user"), role: role)
    }

    private func salt() throws(FieldProblem) -> [UInt8]? {
        guard let text = try optionalText("encryption_salt") else { return nil }
        guard let salt = ExportObject.bytes(hex: text), salt.count == APIKeyRecord.saltBytes else {
            throw .wrong("encryption_salt", "64 hexadecimal digits")
        }
        return salt
    }

    func key() throws(FieldProblem) -> APIKeyRecord {
        let hash = ExportObject.bytes(hex: try text("secret_hash"))
        guard let hash, hash.count == 32 else { throw .wrong("secret_hash", "64 hexadecimal digits") }
        return APIKeyRecord(
            prefix: try text("prefix"), userID: try identifier("user"), secretHash: hash, label: try text("label"),
            createdAt: try position("created_at"), revokedAt: try optionalPosition("revoked_at"),
            encryptionSalt: try salt())
    }

    func device() throws(FieldProblem) -> Device {
        Device(
            userID: try identifier("user"), id: try identifier("id"), replica: try identifier("replica"),
            name: try text("name"), platform: try text("platform"), registeredAt: try position("registered_at"),
            lastSeenAt: try position("last_seen_at"), acknowledged: try optionalPosition("acknowledged"),
            registrationKey: try optionalText("registration_key"),
            clientVersion: try optionalText("client_version") ?? "")
    }

    func entry() throws(FieldProblem) -> LogEntry {
        guard let reason = Reason(rawValue: try text("reason")) else {
            throw FieldProblem(.badField, "the field `reason` is none that this program knows")
        }
        let detail = try optionalText("detail") ?? ""
        guard detail.utf8.count <= LogEntry.detailBytesMax else {
            throw .wrong("detail", "a string of at most \(LogEntry.detailBytesMax) bytes")
        }
        let (position, author) = (try position("position"), try identifierOrEmpty("author"))
        var change = try change()
        change.visibility = try visibility() ?? .private
        return LogEntry(
            position: position, author: author, change: change,
            isSibling: try boolean("sibling"), reason: reason, detail: detail,
            owner: try optionalText("owner") == nil ? "" : try identifier("owner"),
            wasShared: try boolean("was_shared"))
    }

    func change() throws(FieldProblem) -> Change {
        Change(
            kind: try identifier("kind"), id: try identifier("id"), namespace: try identifier("namespace"),
            clock: try clock("clock"), hash: try identifier("hash"), body: try body(),
            isDeleted: try boolean("deleted"),
            updatedAt: try integer("updated_at", in: Int64.min...Int64.max),
            schemaVersion: Int(try integer("schema_version", in: 0...Int64(Int32.max))), embedding: try embedding(),
            writer: try identifierOrEmpty("writer"))
    }

    private func visibility() throws(FieldProblem) -> Visibility? {
        guard let text = try optionalText("visibility") else { return nil }
        guard let visibility = Visibility(text: text) else {
            throw FieldProblem(.badField, "the field `visibility` is none that this program knows")
        }
        return visibility
    }

    private func body() throws(FieldProblem) -> ArraySlice<UInt8> {
        let plain = try raw("body")
        guard let coded = try base64("body_base64") else { return plain ?? [] }
        guard plain == nil else { throw FieldProblem(.badField, "there are a `body` and a `body_base64`") }
        return coded[...]
    }

    private func embedding() throws(FieldProblem) -> [Float]? {
        guard let bytes = try base64("embedding") else { return nil }
        guard bytes.count <= 4 * Change.embeddingCountMax,
            let embedding = bytes.withUnsafeBytes({ StoredEmbedding.embedding($0) })
        else { throw .wrong("embedding", "base64 of at most \(Change.embeddingCountMax) numbers of 4 bytes") }
        return embedding
    }

    private static func bytes(hex text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
