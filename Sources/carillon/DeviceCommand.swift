internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Cryptography
internal import Foundation
internal import Wire

/// `carillon device`: the user's devices.
struct DeviceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "List, register and remove devices.",
        discussion: """
              carillon device list
              carillon device register laptop
              carillon device remove old-phone
              carillon device list --user ada --data ./hub

            Asks the hub, with your key. With --user it works on the store itself, also when no hub runs.
            """,
        subcommands: [List.self, Register.self, Remove.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the user's devices.",
            discussion: """
                The name, what it runs on, whether it is online or when it was seen last, and how far it has confirmed; with --json also its \
                replica, which is its name in clocks.

                  carillon device list
                  carillon device list --json | jq -r .id
                """)

        @OptionGroup var hub: HubOptions
        @OptionGroup var stored: StoredDevices
        @Flag(help: "One JSON object per device and line.")
        var json = false

        func run() throws {
            if let (accounts, user) = try stored.opened() {
                return try StoredDevices.list(accounts, user, json: json)
            }
            let devices = try DeviceCommand.devices(try hub.rest())
            if json { return try Output.write(devices.flatMap { Lines.one($0.bytes) }) }
            for line in Columns.lines(devices.map { List.row($0.object) }) {
                try Output.write(OneLine.clean(line) + "\n")
            }
        }

        private static func row(_ device: RawObject) -> [String] {
            let isOnline = device.boolean("online")
            let seen = isOnline ? "online" : device.integer("last_seen_at").map { "seen \(Clock.text($0))" }
            let confirmed = device.integer("acknowledged").map { "has all up to \(Clock.text($0))" }
            return [
                device.string("id") ?? "", device.string("platform") ?? "", seen ?? "",
                confirmed ?? "has confirmed nothing",
            ]
        }
    }

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
        @OptionGroup var stored: StoredDevices
        @Flag(help: "Print the hub's answer as it is.")
        var json = false

        func run() throws {
            if let (accounts, user) = try stored.opened() {
                return try StoredDevices.register(name, platform, accounts, user, json: json)
            }
            let rest = try hub.rest()
            let device = DeviceRequest(id: name, name: name.text, platform: platform)
            // One key for all tries: an answer that was lost costs no second replica.
            let key = "register-" + Digest.hex(Secret.random(count: 8))
            let bytes = try Patience.asking(triesMax: 3) { () throws(ClientError) in
                try rest.register(device, key: key)
            }
            if json { return try Output.write(Lines.one(bytes)) }
            let replica = RawObject(bytes)?.string("replica") ?? "not told"
            try Output.write("Registered \(name); its name in clocks is \(replica).\n")
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a device.",
            discussion: """
                Its sessions end; what it wrote stays. It is no revocation: with the key it comes back when it next \
                connects, under a new replica. Revoke its key to keep it out.

                  carillon device remove old-phone

                Exit codes: 0 removed, 1 there is no such device.
                """)

        @Argument(help: "The device's name.", transform: { try Names.identifier($0, "device") })
        var name: Identifier
        @OptionGroup var hub: HubOptions
        @OptionGroup var stored: StoredDevices

        func run() throws {
            if let (accounts, user) = try stored.opened() {
                return try StoredDevices.remove(name, accounts, user)
            }
            let rest = try hub.rest()
            // The hub answers the same whether there was one or not; who mistyped a name should hear of it.
            guard try DeviceCommand.devices(rest).contains(where: { $0.object.string("id") == name.text }) else {
                throw CommandFailure(
                    .notAccepted, "There is no device \(name).", remedy: "See `carillon device list`.")
            }
            try asking { () throws(ClientError) in try rest.removeDevice(name) }
            try Output.write("Removed \(name).\n")
        }
    }

    private static func devices(_ rest: RESTClient) throws -> [(bytes: ArraySlice<UInt8>, object: RawObject)] {
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "devices"]) }
        guard let devices = RawObject(bytes)?.objects("devices") else {
            throw CommandFailure(.hubUnavailable, "The hub's answer is no list of devices.")
        }
        return devices
    }
}
