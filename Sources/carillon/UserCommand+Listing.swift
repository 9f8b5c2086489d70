internal import ArgumentParser
internal import Causality
internal import Foundation
internal import Hub
internal import Storage

extension UserCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the users.",
            discussion: """
                The name, the tier and what it allows, unless it is unlimited, and the email.

                  carillon user list
                  carillon user list --json | jq -r .name
                """)

        @Flag(help: "One JSON object per user and line.")
        var json = false
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            let users: [User]
            do throws(StoreError) {
                users = try accounts.users()
            } catch {
                throw CommandFailure(error, "Cannot read the users")
            }
            if json {
                for user in users { try JSONLines.write(Listed(user)) }
                return
            }
            let rows = users.map { user in
                user.tier == .unlimited
                    ? [user.name.text, "", "", user.email]
                    : [user.name.text, user.tier.name, TierOptions.text(user.tier), user.email]
            }
            for line in Columns.lines(rows) { try Output.write(OneLine.clean(line) + "\n") }
        }
    }

    /// As programs read it.
    struct Listed: Encodable {
        var id: String
        var name: String
        var email: String?
        var tier: String
        var deviceLimit: Int
        var recordLimit: Int

        init(_ user: User) {
            id = user.id.text
            name = user.name.text
            email = user.email.isEmpty ? nil : user.email
            tier = user.tier.name
            deviceLimit = user.tier.deviceLimit
            recordLimit = user.tier.recordLimit
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a user: tier, limits and what there is.",
            discussion: "  carillon user show ada\n  carillon user show ada --json | jq .records")

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @Flag(help: "One JSON object.")
        var json = false
        @OptionGroup var store: StoreOptions

        private struct Shown: Encodable {
            var id: String
            var name: String
            var email: String?
            var tier: String
            var deviceLimit: Int
            var recordLimit: Int
            var devices: Int
            var records: Int
            var keys: Int
            var hasPassword: Bool
            var teams: [String]
        }

        func run() throws {
            let accounts = try store.existingAccounts()
            let user = try UserCommand.user(name, accounts)
            let shown: Shown
            do throws(StoreError) {
                shown = Shown(
                    id: user.id.text, name: user.name.text, email: user.email.isEmpty ? nil : user.email,
                    tier: user.tier.name, deviceLimit: user.tier.deviceLimit, recordLimit: user.tier.recordLimit,
                    devices: try accounts.devices(of: user).count, records: try accounts.recordCount(of: user),
                    keys: try accounts.keys(of: name).count { $0.revokedAt == nil },
                    hasPassword: try accounts.hasPassword(user),
                    teams: try accounts.teams(of: user).map(\.team.name.text))
            } catch {
                throw CommandFailure(error, "Cannot read \(name)")
            }
            if json { return try JSONLines.write(shown) }
            func share(_ count: Int, _ limit: Int) -> String { limit < 0 ? "\(count)" : "\(count) of \(limit)" }
            var lines = [
                "user      \(shown.name)", "id        \(shown.id)", "email     \(shown.email ?? "none")",
                "tier      \(shown.tier)", "devices   \(share(shown.devices, shown.deviceLimit))",
                "records   \(share(shown.records, shown.recordLimit))", "keys      \(shown.keys)",
                "password  \(shown.hasPassword ? "set" : "none")",
            ]
            for team in shown.teams { lines.append("team      \(team)") }
            for line in lines { try Output.write(OneLine.clean(line) + "\n") }
        }
    }
}

/// Objects for programs: snake case, sorted, one to a line.
enum JSONLines {
    static func write(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        try Output.write([UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")])
    }
}
