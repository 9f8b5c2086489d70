internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import Wire

/// `carillon status`: the hub, the user's space and devices.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the hub's view of your records and devices.",
        discussion: "  carillon status\n  carillon status --json | jq .space.records")

    struct Answer: Decodable {
        struct Space: Decodable {
            /// Nil of a space of which not all is visible, as the two below.
            var records: Int?
            var deleted: Int?
            var siblings: Int?
            var head: Int64
        }

        struct Device: Decodable {
            var id: String
            var platform: String
            var lastSeenAt: Int64
            var acknowledged: Int64?
            var online: Bool?
        }

        var version: String
        var user: String
        var startedAt: Int64
        var cursor: String
        var space: Space
        var devices: [Device]
    }

    @OptionGroup var hub: SpaceOptions
    @Flag(help: "Print the hub's answer as it is.")
    var json = false

    @Flag(help: "Only ask whether the hub takes pushes; needs no key. Exits with 0 where it does, for health checks.")
    var ready = false

    func run() throws {
        if ready { return try askReadiness() }
        let rest = try hub.rest()
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "status"]) }
        if json {
            try Output.write(bytes + [UInt8(ascii: "\n")])
            return
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let answer = try? decoder.decode(Answer.self, from: Data(bytes)) else {
            throw CommandFailure(.hubUnavailable, "The hub's answer is not what this program knows.")
        }
        try Output.write(text(answer, rest.url))
    }

    private func askReadiness() throws {
        let rest = try hub.hub.restWithoutKey()
        _ = try asking { () throws(ClientError) in try rest.get(["ready"]) }
        try Output.write("\(rest.url) is ready\n")
    }

    private func text(_ answer: Answer, _ url: HubURL) -> String {
        let space = answer.space
        var text = """
            hub       \(url), version \(answer.version), up since \(Clock.text(answer.startedAt))
            user      \(answer.user)
            records   \(records(space))
            cursor    \(answer.cursor)

            """
        for device in answer.devices {
            let seen = device.online == true ? "online" : "seen \(Clock.text(device.lastSeenAt))"
            // What a device has confirmed is of its user's own space.
            let lag = space.records == nil ? "" : ", \(lag(device, space.head))"
            text += "device    \(LineText.shown(device.id)), \(seen)\(lag)\n"
        }
        return text
    }

    private func records(_ space: Answer.Space) -> String {
        guard let records = space.records, let deleted = space.deleted, let siblings = space.siblings else {
            return "not counted: the space is shared"
        }
        return "\(records) (\(deleted) deleted, \(siblings) unresolved siblings)"
    }

    private func lag(_ device: Answer.Device, _ head: Int64) -> String {
        guard let acknowledged = device.acknowledged else { return "has confirmed nothing" }
        return acknowledged >= head ? "has everything" : "has all up to \(Clock.text(acknowledged))"
    }
}
