internal import ArgumentParser
internal import Hub

/// What a hub says of itself while it runs.
struct LogOptions: ParsableArguments {
    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {}
}
