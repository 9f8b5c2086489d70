internal import ArgumentParser
internal import Hub

/// How a hub speaks TLS, and where it may listen without.
struct TLSOptions: ParsableArguments {
    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {}
}
