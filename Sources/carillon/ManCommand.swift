internal import ArgumentParser
internal import Foundation
internal import Hub

/// `carillon man`: the manual page, made of the commands' own help.
struct ManCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man", abstract: "Print the manual page.",
        discussion: """
              carillon man | man -l -
              carillon man > ~/.local/share/man/man1/carillon.1
            """)

    func run() throws {
        guard let help = try? JSONDecoder().decode(HelpDump.self, from: Data(Carillon._dumpHelp().utf8)) else {
            throw CommandFailure(.inputOutput, "The help of the commands cannot be read.", remedy: "Report this.")
        }
        try Output.write(ManualPage(help.command, version: Hub.version).text)
    }
}

/// What ArgumentParser tells of the commands (`--experimental-dump-help`), as far as a manual page needs it.
struct HelpDump: Decodable {
    struct Command: Decodable {
        var commandName: String
        var abstract: String?
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?
        var shouldDisplay: Bool?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String

            var text: String { (kind == "long" ? "--" : "-") + name }
        }

        var kind: String
        var shouldDisplay: Bool?
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        var allValues: [String]?
        var abstract: String?
    }

    var command: Command
}
