internal import ArgumentParser
internal import Causality
internal import Hub
internal import Storage

/// `carillon user`: who has records on a hub.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Add and list a hub's users.",
        discussion: """
            Works on the store itself, also while the hub runs.

              carillon user add ada
              carillon key create ada --label laptop
            """,
        subcommands: [Add.self, List.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a user, with a space of their own.", discussion: "  carillon user add ada")

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = Accounts(store: try store.made())
            do throws(StoreError) {
                _ = try accounts.addUser(name)
            } catch .refused {
                throw CommandFailure(.notAccepted, "There is a user named \(name) already.")
            } catch {
                throw CommandFailure(error, "Cannot add \(name)")
            }
            print("Added \(name). Make a key next: carillon key create \(Terminal.quoted(name.text))\(store.words)")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the users.", discussion: "  carillon user list")

        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            do throws(StoreError) {
                for user in try accounts.users() { print(user.name) }
            } catch {
                throw CommandFailure(error, "Cannot read the users")
            }
        }
    }
}
