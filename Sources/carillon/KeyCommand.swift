internal import ArgumentParser
internal import Causality
internal import Foundation
internal import Hub
internal import Storage

/// `carillon key`: what opens a hub.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make, list and revoke API keys.",
        discussion: """
            Works on the store itself, also while the hub runs.

              carillon key create ada --label laptop
              carillon key list ada
              carillon key revoke Xy12AbCd
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it, this once.",
            discussion: "  export CARILLON_KEY=$(carillon key create ada --label laptop)")

        @Argument(help: "Whose key it is.", transform: { try Names.identifier($0, "user") })
        var user: Identifier
        @Option(help: "What to know the key by later.")
        var label = ""
        @Flag(help: "Clients that hold it encrypt what they send: it has a salt for them.")
        var encrypted = false
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            let key: APIKey
            do throws(StoreError) {
                key = try accounts.createKey(user: user, label: label, isEncrypted: encrypted)
            } catch .refused {
                throw CommandFailure(
                    .notAccepted, "There is no user named \(user).",
                    remedy: "Add them: carillon user add \(Terminal.quoted(user.text))\(store.words)")
            } catch {
                throw CommandFailure(error, "Cannot make a key")
            }
            Terminal.complain("Keep it: only its hash is stored.")
            print(key.text)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List a user's keys by prefix.", discussion: "  carillon key list ada")

        @Argument(help: "Whose keys.", transform: { try Names.identifier($0, "user") })
        var user: Identifier
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            do throws(StoreError) {
                let rows = try accounts.keys(of: user).map { key in
                    let state = key.revokedAt.map { "revoked \(Clock.text($0.microseconds))" } ?? "valid"
                    let encrypts = key.encryptionSalt == nil ? "" : "encrypts"
                    return [key.prefix, "made \(Clock.text(key.createdAt.microseconds))", state, encrypts, key.label]
                }
                for line in Columns.lines(rows) { print(OneLine.clean(line)) }
            } catch {
                throw CommandFailure(error, "Cannot read the keys")
            }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key; a running hub ends its sessions within seconds.",
            discussion: "  carillon key revoke Xy12AbCd\n\nA prefix that begins with a dash comes after `--`.")

        @Argument(help: "The key's prefix, as `key list` shows it, or the whole key.")
        var prefix: String
        @OptionGroup var store: StoreOptions

        func run() throws {
            let accounts = try store.existingAccounts()
            let prefix = APIKey(prefix)?.prefix ?? prefix
            let isFound: Bool
            do throws(StoreError) {
                isFound = try accounts.revokeKey(prefix: prefix)
            } catch {
                throw CommandFailure(error, "Cannot revoke the key")
            }
            guard isFound else {
                throw CommandFailure(
                    .notAccepted, "There is no key with the prefix \(prefix).", remedy: "See `carillon key list USER`.")
            }
            print("Revoked \(prefix).")
        }
    }
}
