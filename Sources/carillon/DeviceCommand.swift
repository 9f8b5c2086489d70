internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Foundation

/// `carillon device`: the user's devices.
struct DeviceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Register a device.", discussion: "  carillon device register laptop",
        subcommands: [Register.self])

    struct Register: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a device, anew after a wipe or a clone.",
            discussion: """
                A device registers itself when it first connects. Registering again gives it a new replica, its name in \
                clocks: after a wipe, a restore or a clone it must not count on under the old one.

                  carillon device register laptop --platform linux
                """)

        @Argument(help: "The device's name.", transform: { try Names.identifier($0, "device") })
        var name: Identifier
        @Option(help: "What it runs on, for people.")
        var platform = ""
        @OptionGroup var hub: HubOptions
        @Flag(help: "Print the hub's answer as it is.")
        var json = false

        private struct Asked: Encodable {
            var id: String
            var name: String
            var platform: String
        }

        private struct Answer: Decodable {
            var replica: String
        }

        func run() throws {
            let rest = try hub.rest()
            let asked = [UInt8](
                try JSONEncoder().encode(Asked(id: name.text, name: name.text, platform: platform)))
            let bytes = try asking { () throws(ClientError) in try rest.post(["v1", "devices"], json: asked) }
            if json {
                try Output.write(bytes + [UInt8(ascii: "\n")])
            } else {
                let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes))
                try Output.write("Registered \(name); its name in clocks is \(answer?.replica ?? "not told").\n")
            }
        }
    }
}
