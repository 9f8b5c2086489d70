internal import ArgumentParser
internal import Foundation

/// `carillon doctor`: what is wrong with a set-up.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what is wrong with a set-up.",
        discussion: """
            Looks at the configuration, the hub, the key, the clocks, the WebSocket's way and this machine; with \
            --data also at a hub's data folder, with --store or CARILLON_STORE at its Postgres. Writes no record and registers no device. Ends within a minute.

              carillon doctor
              carillon doctor --profile work --json | jq -r 'select(.verdict != "ok") | .remedy'
              carillon doctor --data /var/lib/carillon
              carillon doctor --store postgres://carillon@db.example/carillon

            Exit codes: 0 all is well or there are warnings, 1 something fails.
            """)

    @OptionGroup var hub: HubOptions
    @OptionGroup var device: DeviceOption
    @Option(help: ArgumentHelp("Look at this hub's data folder too.", valueName: "dir"), completion: .directory)
    var data: String?
    @Option(
        help: ArgumentHelp(
            "Look at this store too: postgres (the PG* variables) or a postgres:// URL. Else CARILLON_STORE.",
            valueName: "store"))
    var store: String?
    @Flag(help: "One JSON object per check and line: check, verdict, sentence, remedy.")
    var json = false

    func run() throws {
        var checkup = Checkup()
        do {
            let settings = try hub.settings()
            checkup.configuration(settings)
            checkup.hub(settings, device: device.device)
        } catch let failure as CommandFailure {
            checkup.note("config", .fail, failure.sentence, remedy: failure.remedy)
        }
        checkup.machine()
        if let data { checkup.dataFolder(data) }
        if let store = store ?? Environment.value("CARILLON_STORE") { checkup.store(store) }
        try Output.write(json ? checkup.json : Array(checkup.text.utf8))
        if checkup.isFailed { throw ExitCode(ExitStatus.notAccepted.rawValue) }
    }
}
