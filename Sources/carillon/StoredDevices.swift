internal import ArgumentParser
internal import Causality
internal import Hub
internal import Storage

/// `carillon device … --user NAME`: a user's devices, in the store itself, also when no hub runs.
struct StoredDevices: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Work on the store itself, on this user's devices: no key and no hub is needed.", valueName: "name"),
        transform: { try Names.identifier($0, "user") })
    var user: Identifier?
    @OptionGroup var store: StoreOptions

    /// Nil where a hub is to be asked.
    func opened() throws -> (accounts: Accounts, user: User)? {
        guard let user else { return nil }
        let accounts = try store.existingAccounts()
        return (accounts, try UserCommand.user(user, accounts))
    }

    /// As `GET /v1/devices` tells it.
    struct Listed: Encodable {
        var id: String
        var replica: String
        var name: String
        var platform: String
        var clientVersion: String?
        var registeredAt: Int64
        var lastSeenAt: Int64
        var acknowledged: Int64?
        var online: Bool

        init(_ device: Device) {
            id = device.id.text
            replica = device.replica.text
            name = device.name
            platform = device.platform
            clientVersion = device.clientVersion.isEmpty ? nil : device.clientVersion
            registeredAt = device.registeredAt.microseconds
            lastSeenAt = device.lastSeenAt.microseconds
            acknowledged = device.acknowledged?.microseconds
            online = device.connectedUntil.map { $0.microseconds > Clock.now } ?? false
        }

        var row: [String] {
            [
                id, platform, online ? "online" : "seen \(Clock.text(lastSeenAt))",
                acknowledged.map { "has all up to \(Clock.text($0))" } ?? "has confirmed nothing",
            ]
        }
    }

    static func list(_ accounts: Accounts, _ user: User, json: Bool) throws {
        let devices = try doing("Cannot read the devices") { () throws(StoreError) in try accounts.devices(of: user) }
            .map(Listed.init)
        if json {
            for device in devices { try JSONLines.write(device) }
            return
        }
        for line in Columns.lines(devices.map(\.row)) { try Output.write(OneLine.clean(line) + "\n") }
    }

    static func register(_ name: Identifier, _ platform: String, _ accounts: Accounts, _ user: User, json: Bool) throws
    {
        let device = try doing("Cannot register \(name)") { () throws(StoreError) in
            try accounts.register(name, of: user, platform: platform)
        }
        if json { return try JSONLines.write(Listed(device)) }
        try Output.write("Registered \(name); its name in clocks is \(device.replica).\n")
    }

    static func remove(_ name: Identifier, _ accounts: Accounts, _ user: User) throws {
        let wasThere = try doing("Cannot remove \(name)") { () throws(StoreError) in
            try accounts.removeDevice(name, of: user)
        }
        guard wasThere else {
            throw CommandFailure(
                .notAccepted, "There is no device \(name) of \(user.name).",
                remedy: "See `carillon device list --user \(Terminal.quoted(user.name.text))`.")
        }
        try Output.write("Removed \(name).\n")
    }

    private static func doing<Value>(_ what: String, _ body: () throws(StoreError) -> Value) throws -> Value {
        do throws(StoreError) {
            return try body()
        } catch .limitReached(let sentence) {
            throw CommandFailure(
                .notAccepted, "\(what): \(sentence).",
                remedy: "Remove one with `carillon device remove`, or allow more with `carillon user set`.")
        } catch {
            throw CommandFailure(error, what)
        }
    }
}
