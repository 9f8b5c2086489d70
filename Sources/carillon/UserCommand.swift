internal import ArgumentParser
internal import Causality
internal import Hub
internal import Storage

/// `carillon user`: who has records on a hub.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Add and list a hub's users.",
        discussion: """
            Works on the data folder itself, also while the hub runs.

              carillon user add ada
              carillon key create ada --label laptop
            """,
        subcommands: [Add.self, List.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a user, with a space of their own.", discussion: "  carillon user add ada")

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "name") })
        var name: Identifier
        @OptionGroup var data: DataFolder

        func run() throws {
            try data.create()
            let accounts = Accounts(store: try data.openStore())
            do throws(StoreError) {
                _ = try accounts.addUser(name)
            } catch .refused {
                throw CommandFailure(.notAccepted, "There is a user named \(name) already.")
            } catch {
                throw CommandFailure(error, "Cannot add \(name)")
            }
            let folder = data.path == ".carillon" ? "" : " --data \(Terminal.quoted(data.path))"
            print("Added \(name). Make a key next: carillon key create \(Terminal.quoted(name.text))\(folder)")
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the users.", discussion: "  carillon user list")

        @OptionGroup var data: DataFolder

        func run() throws {
            let accounts = try data.existingAccounts()
            do throws(StoreError) {
                for user in try accounts.users() { print(user.name) }
            } catch {
                throw CommandFailure(error, "Cannot read the users")
            }
        }
    }
}
