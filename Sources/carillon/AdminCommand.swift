internal import ArgumentParser

/// `carillon admin`: what moves and keeps all that a hub holds.
struct AdminCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin", abstract: "Move and keep all that a hub holds.",
        discussion: """
            Works on the store itself, for whoever runs the hub. All of it: every user's records with their history, \
            keys (as hashes), devices and cursors. One user's records are moved by `carillon export` and `import`.

              carillon admin backup --to carillon-backup.db
              carillon admin export all.ndjson && CARILLON_STORE=postgres carillon admin import all.ndjson
            """,
        subcommands: [Export.self, Import.self, Migrate.self, Backup.self, Restore.self])
}

/// How far something is, on a terminal, for who watches.
final class ProgressLine {
    private let isShown: Bool
    private var shownMicroseconds: Int64 = 0

    init(isShown: Bool = Terminal.errorIsTerminal) { self.isShown = isShown }

    /// At most ten times a second.
    func show(_ text: () -> String) {
        guard isShown else { return }
        let now = Clock.now
        guard now - shownMicroseconds > 100_000 else { return }
        shownMicroseconds = now
        Terminal.write(toError: "\r\u{1b}[K\(text())")
    }

    func clear() {
        if isShown { Terminal.write(toError: "\r\u{1b}[K") }
    }
}
