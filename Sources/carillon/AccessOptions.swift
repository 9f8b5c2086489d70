internal import ArgumentParser
internal import Hub

/// Who may come from a browser, and where keys may be.
struct AccessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A site whose pages may use the hub from a browser, as https://app.example.org; * is any. May be given for "
                + "each. Pages of the hub's own address always may.",
            valueName: "URL"))
    var origin: [String] = []
    @Flag(
        help: ArgumentHelp(
            "Take a key from the URL of /v1/socket and /v1/changes (?key=), for browsers' EventSource. Proxies log URLs."
        ))
    var allowKeyInUrl = false

    @Flag(help: "Let the kernel write core dumps, and debuggers attach: keys and records are in them.")
    var coreDumps = false

    func validate() throws { _ = try origins() }

    /// The sites, each as a browser says it.
    ///
    /// - Throws: a `ValidationError` where one is none.
    private func origins() throws -> [String] {
        try SiteName.parse(origin, option: "--origin", takesAny: true)
    }

    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {
        configuration.origins = try origins()
        configuration.allowsKeyInURL = allowKeyInUrl
    }
}
