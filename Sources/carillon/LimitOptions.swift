internal import ArgumentParser
internal import Hub

/// What a hub takes before it refuses.
struct LimitOptions: ParsableArguments {
    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {}
}
