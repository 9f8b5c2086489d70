internal import ArgumentParser
internal import Storage

/// What a user may have and is known by, as `user add` and `user set` take it.
struct TierOptions: ParsableArguments {
    @Option(help: "The email that opens the account with its password; \"\" takes it away.")
    var email: String?
    @Option(help: "free, pro, team, unlimited, or a name of your own with both limits.")
    var tier: String?
    @Option(help: "Devices at once; any: no limit.", transform: { try TierOptions.limit($0) })
    var deviceLimit: Int?
    @Option(help: "Live records in the user's own space; any: no limit.", transform: { try TierOptions.limit($0) })
    var recordLimit: Int?
    @Flag(help: "Read the password from standard input: one line of 8 to 1,024 bytes.")
    var passwordStdin = false

    /// For the help of commands that take these.
    static var table: String {
        Tier.named.map { tier in
            let name = tier.name + String(repeating: " ", count: 10 - tier.name.count)
            return "  \(name)\(TierOptions.text(tier))"
        }.joined(separator: "\n")
    }

    static func text(_ tier: Tier) -> String {
        func text(_ limit: Int, _ what: String) -> String { limit < 0 ? "any number of \(what)" : "\(limit) \(what)" }
        return "\(text(tier.deviceLimit, "devices")), \(text(tier.recordLimit, "records"))"
    }

    func validate() throws {
        if let email, !email.isEmpty {
            let isPlain = email.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
            guard isPlain, email.utf8.count <= 254, email.utf8.contains(UInt8(ascii: "@")) else {
                throw ValidationError("\"\(email)\" is no email: it has an @ and no spaces, and at most 254 bytes.")
            }
        }
        if let tier { _ = try named(tier, Tier(name: tier, deviceLimit: -1, recordLimit: -1)) }
    }

    /// The tier of a user who had `before`.
    func tier(before: Tier) throws -> Tier {
        var chosen = try tier.map { try named($0, before) } ?? before
        if let deviceLimit { chosen.deviceLimit = deviceLimit }
        if let recordLimit { chosen.recordLimit = recordLimit }
        return chosen
    }

    private func named(_ name: String, _ before: Tier) throws -> Tier {
        if let tier = Tier(named: name) { return tier }
        guard deviceLimit != nil, recordLimit != nil else {
            throw ValidationError(
                "There is no tier \"\(name)\". Take free, pro, team or unlimited, or say what yours allows with "
                    + "--device-limit and --record-limit.")
        }
        guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy({ $0 > 0x1f && $0 != 0x7f }) else {
            throw ValidationError("The name of a tier has 1 to 64 bytes on one line.")
        }
        return Tier(name: name, deviceLimit: before.deviceLimit, recordLimit: before.recordLimit)
    }

    private static func limit(_ text: String) throws -> Int {
        if text == "any" { return -1 }
        guard let limit = Int(text), (-1...Tier.limitMax).contains(limit) else {
            throw ValidationError("\"\(text)\" is no limit: it is a number, or any.")
        }
        return limit
    }
}
