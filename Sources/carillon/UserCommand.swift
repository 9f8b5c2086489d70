internal import ArgumentParser
internal import Causality
internal import Hub
internal import Storage

/// `carillon user`: who has records on a hub.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Add, change and list a hub's users.",
        discussion: """
            Works on the store itself, also while the hub runs.

              carillon user add ada
              carillon user add bob --email bob@example.org --tier free --password-stdin < password.txt
              carillon user set bob --tier pro
              carillon key create ada --label laptop
            """,
        subcommands: [Add.self, Set.self, List.self, Show.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a user, with a space of their own.",
            discussion: "  carillon user add ada\n  carillon user add bob --tier free\n\nTiers:\n\(TierOptions.table)")

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @OptionGroup var tier: TierOptions
        @OptionGroup var store: StoreOptions

        func run() throws {
            let password = try tier.passwordStdin ? PasswordInput.read() : nil
            let accounts = Accounts(store: try store.made())
            let user: User
            do throws(StoreError) {
                user = try accounts.addUser(name, email: tier.email ?? "", tier: chosenTier())
            } catch .refused {
                let orEmail = tier.email.map { ", or one with the email \($0)" } ?? ""
                throw CommandFailure(
                    .notAccepted, "There is a user or a team named \(name) already\(orEmail).",
                    remedy: "See `carillon user list` and `carillon team list`.")
            } catch {
                throw CommandFailure(error, "Cannot add \(name)")
            }
            if let password { try UserCommand.set(password, of: user, accounts) }
            print("Added \(name). Make a key next: carillon key create \(Terminal.quoted(name.text))\(store.words)")
        }

        /// Checked by ``TierOptions/validate()`` before.
        private func chosenTier() -> Tier { (try? tier.tier(before: .unlimited)) ?? .unlimited }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a user's email, tier or password.",
            discussion: """
                What is not named stays. A running hub's sessions hear of another tier within seconds, and its requests at \
                once. Devices and records that are there stay where a tier becomes smaller.

                  carillon user set ada --tier pro
                  carillon user set ada --device-limit 3 --record-limit any
                  carillon user set ada --password-stdin < password.txt

                Tiers:
                \(TierOptions.table)
                """)

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @OptionGroup var tier: TierOptions
        @Flag(help: "Take the password away: none opens the account any more.")
        var noPassword = false
        @OptionGroup var store: StoreOptions

        func validate() throws {
            guard !(noPassword && tier.passwordStdin) else {
                throw ValidationError("--password-stdin sets the password that --no-password takes away.")
            }
        }

        func run() throws {
            let password = try tier.passwordStdin ? PasswordInput.read() : nil
            let accounts = try store.existingAccounts()
            var user = try UserCommand.user(name, accounts)
            user.email = tier.email ?? user.email
            user.tier = try tier.tier(before: user.tier)
            do throws(StoreError) {
                try accounts.update(user)
            } catch .refused(let reason) {
                throw CommandFailure(.notAccepted, "Cannot change \(name): \(reason).")
            } catch {
                throw CommandFailure(error, "Cannot change \(name)")
            }
            if password != nil || noPassword { try UserCommand.set(password, of: user, accounts) }
            print("Changed \(name): tier \(user.tier.name), \(TierOptions.text(user.tier)).")
        }
    }

    static func user(_ name: Identifier, _ accounts: Accounts) throws -> User {
        do throws(StoreError) {
            return try accounts.user(name)
        } catch .refused {
            throw CommandFailure(.notAccepted, "There is no user named \(name).", remedy: "See `carillon user list`.")
        } catch {
            throw CommandFailure(error, "Cannot read the users")
        }
    }

    private static func set(_ password: String?, of user: User, _ accounts: Accounts) throws {
        do throws(PasswordError) {
            try accounts.setPassword(password, of: user)
        } catch {
            throw CommandFailure(error, "Cannot set the password of \(user.name)")
        }
    }
}
