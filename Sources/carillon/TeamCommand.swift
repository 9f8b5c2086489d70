internal import ArgumentParser
internal import Causality
internal import Hub
internal import Storage

/// `carillon team`: users who share.
struct TeamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "team", abstract: "Add teams, and say who is in them.",
        discussion: """
            Members of a team share its space, and see of each other's what is shared with the team. Works on the store \
            itself, also while the hub runs.

              carillon team add bells
              carillon team join bells ada --role owner
              carillon team members bells
              carillon team leave bells ada
            """,
        subcommands: [Add.self, List.self, Members.self, Join.self, Leave.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a team, with a space of its own.", discussion: "  carillon team add bells")

        @Argument(help: "The team's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = Accounts(store: try store.made())
            do throws(StoreError) {
                _ = try accounts.addTeam(name)
            } catch .refused {
                throw CommandFailure(
                    .notAccepted, "There is a team or a user named \(name) already.",
                    remedy: "See `carillon team list` and `carillon user list`.")
            } catch {
                throw CommandFailure(error, "Cannot add \(name)")
            }
            print("Added \(name). Let somebody in: carillon team join \(Terminal.quoted(name.text)) USER\(store.words)")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the teams.", discussion: "  carillon team list\n  carillon team list --json | jq -r .name")

        @Flag(help: "One JSON object per team and line.")
        var json = false
        @OptionGroup var store: StoreOptions

        private struct Listed: Encodable {
            var id: String
            var name: String
        }

        func run() throws {
            let accounts = try store.existingAccounts()
            for team in try TeamCommand.reading({ () throws(StoreError) in try accounts.teams() }) {
                if json {
                    try JSONLines.write(Listed(id: team.id.text, name: team.name.text))
                } else {
                    try Output.write(OneLine.clean(team.name.text) + "\n")
                }
            }
        }
    }

    struct Members: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List who is in a team.",
            discussion: "  carillon team members bells\n  carillon team members bells --json | jq -r .user")

        @Argument(help: "The team's name.", transform: { try Names.identifier($0, "team") })
        var name: Identifier
        @Flag(help: "One JSON object per member and line.")
        var json = false
        @OptionGroup var store: StoreOptions

        private struct Listed: Encodable {
            var user: String
            var id: String
            var role: String
        }

        func run() throws {
            let accounts = try store.existingAccounts()
            let members = try TeamCommand.reading { () throws(StoreError) in try accounts.members(of: name) }
            if json {
                for (user, role) in members {
                    try JSONLines.write(Listed(user: user.name.text, id: user.id.text, role: role.rawValue))
                }
                return
            }
            for line in Columns.lines(members.map { [$0.user.name.text, $0.role.rawValue] }) {
                try Output.write(OneLine.clean(line) + "\n")
            }
        }
    }

    struct Join: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a user into a team, or give them another role.",
            discussion: "  carillon team join bells ada\n  carillon team join bells ada --role owner")

        @Argument(help: "The team's name.", transform: { try Names.identifier($0, "team") })
        var name: Identifier
        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "user") })
        var user: Identifier
        @Option(help: "member, admin or owner.", transform: { try TeamCommand.role($0) })
        var role = Membership.Role.member
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            try TeamCommand.reading { () throws(StoreError) in try accounts.join(name, user: user, role: role) }
            print("\(user) is in \(name), as \(role.rawValue).")
        }
    }

    struct Leave: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a user out of a team; a running hub hears of it within seconds.",
            discussion: "  carillon team leave bells ada")

        @Argument(help: "The team's name.", transform: { try Names.identifier($0, "team") })
        var name: Identifier
        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "user") })
        var user: Identifier
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            let wasIn = try TeamCommand.reading { () throws(StoreError) in try accounts.leave(name, user: user) }
            guard wasIn else {
                throw CommandFailure(
                    .notAccepted, "\(user) is not in \(name).",
                    remedy: "See `carillon team members \(Terminal.quoted(name.text))`.")
            }
            print("\(user) is no longer in \(name).")
        }
    }

    static func role(_ text: String) throws -> Membership.Role {
        guard let role = Membership.Role(rawValue: text) else {
            throw ValidationError("\"\(text)\" is no role: it is member, admin or owner.")
        }
        return role
    }

    private static func reading<Value>(_ body: () throws(StoreError) -> Value) throws -> Value {
        do throws(StoreError) {
            return try body()
        } catch .refused(let reason) {
            throw CommandFailure(
                .notAccepted, "It cannot be done: \(reason).",
                remedy: "See `carillon team list` and `carillon user list`.")
        } catch {
            throw CommandFailure(error, "Cannot reach the teams")
        }
    }
}
