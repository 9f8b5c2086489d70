internal import Causality
internal import Foundation
internal import Hub
internal import Reactor
internal import Storage

/// `serve --quick-start`: a first user and key, and the lines to try.
struct QuickStart {
    /// What was found or made.
    struct First {
        /// Nil when there are users, but no first key of ours.
        var key: String?
        /// Options that name the store.
        var storeWords: String
    }

    static let user: Identifier = "me"

    let options: StoreOptions
    let store: any Store
    /// Whether the store remembers the key at the next start.
    let isKept: Bool

    func prepare() throws -> First {
        let accounts = Accounts(store: store)
        do throws(StoreError) {
            return First(key: try key(accounts), storeWords: options.words)
        } catch {
            throw CommandFailure(error, "Cannot make the first user and key")
        }
    }

    private func key(_ accounts: Accounts) throws(StoreError) -> String? {
        let users = try accounts.users()
        if users.isEmpty {
            _ = try accounts.addUser(QuickStart.user)
        } else if let kept = try keptKey() {
            return kept
        } else {
            // A start that was cut short may have made the user and no key.
            guard users.count == 1, users[0].name == QuickStart.user else { return nil }
            guard try accounts.keys(of: QuickStart.user).isEmpty else { return nil }
        }
        let key = try accounts.createKey(user: QuickStart.user, label: "first key")
        if isKept { keep(key.text) }
        return key.text
    }

    /// The key of an earlier start, unless it was revoked.
    private func keptKey() throws(StoreError) -> String? {
        guard isKept, let text = try? String(contentsOfFile: options.data.firstKeyPath, encoding: .utf8),
            let key = APIKey(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return nil }
        guard let record = try store.accounts.key(prefix: key.prefix), record.revokedAt == nil else { return nil }
        return key.text
    }

    private func keep(_ text: String) {
        let isMade = FileManager.default.createFile(
            atPath: options.data.firstKeyPath, contents: Data((text + "\n").utf8),
            attributes: [.posixPermissions: 0o600])
        if !isMade {
            Terminal.complain("The first key could not be kept in \(options.data.firstKeyPath): copy it from here.")
        }
    }
}

extension QuickStart.First {
    /// What to type into other terminals, with the path by which this executable was started.
    func lines(address: SocketAddress, _ place: HubAddress) -> String {
        let program = Terminal.quoted(CommandLine.arguments.first ?? "carillon")
        guard let key else {
            return """

                This hub has users already. Make a key for one of them:

                  \(program) user list\(storeWords)
                  \(program) key create USER\(storeWords)

                """
        }
        let isDefault =
            place.trust.isEmpty && place.url.hasPrefix("http:") && address.hostText == "127.0.0.1"
            && address.port == ListenAddress.portDefault
        let options = (isDefault ? "" : " --url \(place.url)\(place.trust)") + " --key \(key)"
        return """

            Listen on two devices, each in a terminal of its own:

              \(program) tail\(options) --device phone
              \(program) tail\(options) --device tablet

            and push from a third:

              echo '{"kind":"note","id":"hello","body":{"text":"Hello, bells!"}}' | \\
                \(program) push\(options) --device laptop

            """
    }
}
