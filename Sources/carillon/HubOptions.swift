internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Hub

/// Which hub, and who asks.
struct HubOptions: ParsableArguments {
    @Option(
        help:
            "The hub, http://host:port or https://host:port. Else CARILLON_URL, the configuration's, \(HubURL.standard)."
    )
    var url: String?
    @Option(help: "The API key. Else CARILLON_KEY, which does not show in the list of processes, the configuration's.")
    var key: String?
    @Option(
        help: ArgumentHelp("The configuration's table [profile.NAME]. Else CARILLON_PROFILE.", valueName: "name"),
        completion: .custom { words, _, _ in HubSettings.profileNames(words) })
    var profile: String?
    @Option(
        help: ArgumentHelp(
            "The configuration. Else CARILLON_CONFIG, ~/.config/carillon/config.toml.", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "With https://: the authorities to trust in place of the system's, PEM. Else CARILLON_CA, the configuration's.",
            valueName: "file"),
        completion: .file())
    var ca: String?
    @Option(
        help: ArgumentHelp(
            "With https://: sha256/BASE64 of a public key that the hub must have; again for another. Without --ca it alone "
                + "decides. Else CARILLON_PIN, the configuration's.",
            valueName: "pin"))
    var pin: [String] = []
    @Option(
        help: ArgumentHelp(
            "With https://: our own certificate, PEM. Else CARILLON_CERT, the configuration's.", valueName: "file"),
        completion: .file())
    var cert: String?
    @Option(
        help: ArgumentHelp(
            "The key of --cert, PEM. Else CARILLON_CERT_KEY, the configuration's.", valueName: "file"),
        completion: .file())
    var certKey: String?

    static var program: String { "carillon/\(Hub.version)" }

    func settings() throws -> HubSettings { try HubSettings(self) }

    /// For what a hub tells anybody: what goes as the key is none.
    func restWithoutKey() throws -> RESTClient {
        var rest = RESTClient(url: try settings().hubURL(), key: "none")
        rest.client = HubOptions.program
        return rest
    }

    func rest() throws -> RESTClient {
        let settings = try settings()
        let url = try settings.hubURL()
        var rest = RESTClient(url: url, key: try settings.apiKey(for: url))
        rest.tls = try settings.tlsClient(for: url)
        rest.client = HubOptions.program
        return rest
    }
}

/// Under which name this side pushes and listens.
struct DeviceOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "This device's name; it is registered when it is new. Else CARILLON_DEVICE, the configuration's.",
            valueName: "device"),
        transform: { try Names.identifier($0, "device") })
    var device: Identifier?

    func name(_ settings: HubSettings) throws -> Identifier { try settings.deviceName(device) }
}

extension CommandFailure {
    init(_ error: ClientError) {
        let code = error.code.map { " [\($0)]" } ?? ""
        self.init(ExitStatus(error), error.sentence + code, remedy: error.remedy)
    }
}

extension ExitStatus {
    init(_ error: ClientError) {
        switch error.cause {
        case .unreachable, .notHub, .untrusted: self = .hubUnavailable
        case .unauthorized: self = .notAuthorised
        case .temporary: self = .temporary
        case .notFound: self = .notAccepted
        case .refused: self = .badInput
        }
    }
}

/// Runs `body`, with a client's error told as a command's.
func asking<Value>(_ body: () throws(ClientError) -> Value) throws -> Value {
    do throws(ClientError) {
        return try body()
    } catch {
        throw CommandFailure(error)
    }
}
