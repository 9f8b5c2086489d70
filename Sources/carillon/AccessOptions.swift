internal import ArgumentParser
internal import Hub

/// Who may come from a browser, and where keys may be.
struct AccessOptions: ParsableArguments {
    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {}
}
