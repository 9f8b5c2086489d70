internal import ArgumentParser
internal import Hub

/// Whether a hub compresses.
struct CompressionOptions: ParsableArguments {
    @Flag(
        name: .customLong("no-compression"),
        help: "Compress no WebSocket messages and no answers, whatever a client offers.")
    var isOff = false

    /// Writes the options into `configuration`.
    func fill(_ configuration: inout HubConfiguration) {
        configuration.compression.isOffered = !isOff
    }
}
