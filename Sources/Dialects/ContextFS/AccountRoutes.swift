internal import Causality
internal import Foundation
internal import Hub
internal import Storage
internal import Wire

/// What the client's cloud commands ask of an account.
enum AccountRoutes {
    static func login(_ fields: RequestFields, _ desk: DialectDesk) throws -> DialectAnswer {
        let email = try fields.needText("email")
        let password = try fields.needText("password")
        let label = try fields.text("session_type") ?? "login"
        guard let user = try desk.login(name: email, password: password) else {
            return Detail.answer(401, "Invalid email or password", fields: [("WWW-Authenticate", "ApiKey")])
        }
        let made = try desk.createKey(for: user, label: String(label.prefix(64)))
        var out: [UInt8] = []
        out.put("{\"user\":{\"id\":")
        out.putString(user.id.text)
        out.put(",\"email\":")
        out.putString(user.email)
        out.put(",\"name\":")
        out.putString(user.name.text)
        out.put("},\"apiKey\":")
        out.putString(made.key.text)
        out.put(",\"encryptionKey\":null}")
        return secret(out)
    }

    static func salt(_ account: DialectAccount) -> DialectAnswer {
        guard let salt = account.key.encryptionSalt else {
            return Detail.answer(404, "This key has no encryption salt")
        }
        var out: [UInt8] = []
        out.put("{\"salt\":")
        out.putString(base64URL(salt))
        out.put("}")
        return secret(out)
    }

    private static func secret(_ json: [UInt8]) -> DialectAnswer {
        var answer = DialectAnswer(json: json)
        answer.holdsSecret = true
        return answer
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
    }

    static func subscription(_ account: DialectAccount) -> DialectAnswer {
        let tier = account.user.tier
        var out: [UInt8] = []
        out.put("{\"tier\":")
        out.putString(tier.name)
        out.put(",\"status\":\"active\",\"device_limit\":")
        out.putInteger(tier.deviceLimit)
        out.put(",\"memory_limit\":")
        out.putInteger(tier.recordLimit)
        out.put(",\"current_period_end\":null}")
        return DialectAnswer(json: out)
    }

    static func keys(_ account: DialectAccount, _ desk: DialectDesk) throws -> DialectAnswer {
        var out: [UInt8] = []
        out.put("{\"keys\":[")
        for (index, key) in try desk.keys(of: account.user).enumerated() {
            if index > 0 { out.put(",") }
            out.put("{\"id\":")
            out.putString(key.prefix)
            out.put(",\"name\":")
            out.putString(key.label)
            out.put(",\"key_prefix\":")
            out.putString(key.prefix)
            out.put(",\"is_active\":")
            out.putBoolean(key.revokedAt == nil)
            out.put(",\"has_encryption\":")
            out.putBoolean(key.encryptionSalt != nil)
            out.put(",\"created_at\":")
            out.putDate(key.createdAt.microseconds)
            // The client shows a text here: it is not kept when a key was used.
            out.put(",\"last_used_at\":\"not recorded\"}")
        }
        out.put("]}")
        return DialectAnswer(json: out)
    }

    static func createKey(
        _ fields: RequestFields, _ account: DialectAccount, _ desk: DialectDesk
    ) throws -> DialectAnswer {
        let name = try fields.needText("name")
        let isEncrypted = try fields.flag("with_encryption")
        let made = try desk.createKey(for: account.user, label: String(name.prefix(64)), encrypted: isEncrypted)
        var out: [UInt8] = []
        out.put("{\"id\":")
        out.putString(made.record.prefix)
        out.put(",\"name\":")
        out.putString(made.record.label)
        out.put(",\"key_prefix\":")
        out.putString(made.record.prefix)
        out.put(",\"api_key\":")
        out.putString(made.key.text)
        out.put(",\"encryption_salt\":")
        if let salt = made.record.encryptionSalt { out.putString(base64URL(salt)) } else { out.put("null") }
        out.put(",\"config_snippet\":")
        out.putString("cloud:\n  enabled: true\n  api_key: \(made.key.text)\n")
        out.put("}")
        return secret(out)
    }

    static func revokeKey(
        _ fields: RequestFields, _ account: DialectAccount, _ desk: DialectDesk
    ) throws -> DialectAnswer {
        // Somebody else's key is as one that is not there.
        guard try desk.revokeKey(try fields.needText("key_id"), of: account.user) else {
            return Detail.answer(404, "API key not found")
        }
        return success
    }

    static func devices(_ account: DialectAccount, _ desk: DialectDesk) throws -> DialectAnswer {
        let devices = try desk.reading { () throws(StoreError) in
            try desk.store.accounts.devices(of: account.user.id)
        }
        var out: [UInt8] = []
        out.put("{\"devices\":[")
        for (index, device) in devices.enumerated() {
            if index > 0 { out.put(",") }
            out.put("{\"id\":")
            out.putString(device.id.text)
            out.put(",\"device_id\":")
            out.putString(device.id.text)
            out.put(",\"device_name\":")
            out.putString(device.name)
            out.put(",\"platform\":")
            out.putString(device.platform)
            out.put(",\"client_version\":")
            out.putString(device.clientVersion)
            out.put(",\"registered_at\":")
            out.putDate(device.registeredAt.microseconds)
            out.put(",\"last_sync_at\":")
            out.putDate(device.lastSeenAt.microseconds)
            out.put("}")
        }
        out.put("]}")
        return DialectAnswer(json: out)
    }

    static func removeDevice(_ text: String, _ account: DialectAccount, _ desk: DialectDesk) throws -> DialectAnswer {
        guard let id = try? Identifier(text), try desk.removeDevice(id, of: account.user) else {
            return Detail.answer(404, "Device not found")
        }
        return success
    }

    private static let success = DialectAnswer(json: Array("{\"success\":true}".utf8))
}
