internal import ArgumentParser
internal import CarillonClient
internal import Causality

/// Which hub, who asks, and of which space.
struct SpaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The space: team:NAME, a team's, or user:NAME, what a teammate shares. Else the user's own.",
            valueName: "space"),
        transform: { try Names.identifier($0, "space") })
    var space: Identifier?
    @OptionGroup var hub: HubOptions

    func settings() throws -> HubSettings { try hub.settings() }

    func rest() throws -> RESTClient {
        var rest = try hub.rest()
        rest.space = space
        return rest
    }

    /// What a link of this program is made of.
    func link(_ device: DeviceOption) throws -> HubLinkConfiguration {
        var configuration = try hub.link(device)
        configuration.space = space
        return configuration
    }
}
