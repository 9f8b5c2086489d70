internal import ArgumentParser
internal import CarillonClient

/// How a command's link to the hub speaks.
struct LinkOptions: ParsableArguments {
    @Flag(
        name: .customLong("no-compression"),
        help: "Offer the hub no compressed messages: on a fast network they cost more than they save.")
    var isUncompressed = false

    /// Writes the options into `configuration`.
    func fill(_ configuration: inout HubLinkConfiguration) {
        configuration.offersCompression = !isUncompressed
    }
}
