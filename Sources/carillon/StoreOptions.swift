internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import Hub
internal import SQLiteStore
internal import Storage

/// `--store` and `--data`: the store that a command works on itself, also while a hub runs on it.
struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            "Where records live: sqlite (in --data), memory (forgets all at the end), postgres (the PG* variables) or "
                + "a postgres:// URL. Else CARILLON_STORE, which does not show in the list of processes, else sqlite.",
            valueName: "store"))
    var named: String?
    @OptionGroup var data: DataFolder

    func validate() throws { _ = try choice() }

    func choice() throws -> StoreChoice {
        if let named { return try StoreChoice.parse(named, "--store", data: data) }
        guard let text = Environment.value("CARILLON_STORE") else { return .sqlite(data) }
        return try StoreChoice.parse(text, "CARILLON_STORE", data: data)
    }

    /// The store, made where it does not exist.
    func made() throws -> any Store {
        let choice = try lasting()
        if case .sqlite = choice { try data.create() }
        return try choice.openWhole()
    }

    /// The store of a hub that was started on it once.
    func existing() throws -> any Store {
        let choice = try lasting()
        if case .sqlite = choice { try data.requireDatabase() }
        return try choice.openWhole()
    }

    func existingAccounts() throws -> Accounts { Accounts(store: try existing()) }

    /// The choice, for a command that comes and goes.
    func lasting() throws -> StoreChoice {
        let choice = try choice()
        guard case .memory = choice else { return choice }
        throw CommandFailure(
            .usage, "The memory store is gone with its hub: there is nothing to work on.",
            remedy: "Name another one with --store.")
    }

    /// What to add to a command line so that it works on the same store; begins with a space where it is not empty.
    var words: String {
        var words = ""
        // Without a password: whoever gave one here has it at hand.
        if let named, named != "sqlite" { words += " --store \(Terminal.quoted(PostgresURL.shown(named)))" }
        if data.path != DataFolder.standardPath { words += " --data \(Terminal.quoted(data.path))" }
        return words
    }
}
