internal import ArgumentParser
internal import Foundation
internal import Hub

/// The one executable: a hub, and every way to talk to one.
@main
struct Carillon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carillon",
        abstract: "Sync records between devices, live, over one WebSocket each.",
        discussion: """
            Start a hub, then push and tail from two other terminals:

              carillon serve --quick-start
              carillon tail --key KEY --device phone
              carillon push notes.ndjson --key KEY --device laptop

            CARILLON_URL, CARILLON_KEY and CARILLON_DEVICE stand in for --url, --key and --device, and so does \
            ~/.config/carillon/config.toml: see `carillon config --help`.

            Exit codes:
              \(ExitStatus.table)
            """,
        version: Hub.version,
        groupedSubcommands: [
            CommandGroup(
                name: "A hub",
                subcommands: [
                    ServeCommand.self, UserCommand.self, TeamCommand.self, KeyCommand.self, PolicyCommand.self,
                    TLSCommand.self, AdminCommand.self,
                ]),
            CommandGroup(
                name: "Records",
                subcommands: [
                    PushCommand.self, TailCommand.self, PullCommand.self, GetCommand.self, DiffCommand.self,
                    ExportCommand.self, ImportCommand.self,
                ]),
            CommandGroup(name: "Conflicts", subcommands: [ConflictsCommand.self, ResolveCommand.self]),
            CommandGroup(
                name: "Setting up",
                subcommands: [
                    StatusCommand.self, DoctorCommand.self, DeviceCommand.self, ConfigCommand.self,
                    CompletionsCommand.self,
                    ManCommand.self,
                ]),
            CommandGroup(name: "Measuring", subcommands: [LoadCommand.self, BenchCommand.self]),
        ])

    static func main() {
        // A peer or a pipe that goes away is an error code of a write, never the end of the process.
        signal(SIGPIPE, SIG_IGN)
        Terminal.holdStandardDescriptors()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            Terminal.complain("Error: \(failure.sentence)")
            if let remedy = failure.remedy { Terminal.complain(remedy) }
            Foundation.exit(failure.status.rawValue)
        } catch is Output.ReaderGone {
            Foundation.exit(ExitStatus.success.rawValue)
        } catch {
            if let word = CommandLine.arguments.dropFirst().first, let meant = Suggestion.of(word) {
                Terminal.complain("There is no command \(word). Did you mean `carillon \(meant)`?")
                Foundation.exit(ExitStatus.usage.rawValue)
            }
            exit(withError: error)
        }
    }
}
