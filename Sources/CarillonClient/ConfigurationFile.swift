/// What `config.toml` says: a hub, a key and a device, and others of them under names.
///
///     url = "http://hub.example:8787"
///     key = "car_…"
///     device = "laptop"
///
///     [profile.work]
///     url = "https://10.0.0.7:8787"
///     key = "car_…"
///     ca = "/home/ada/.config/carillon/work-ca.pem"
public struct ConfigurationFile: Sendable, Equatable {
    public struct Profile: Sendable, Equatable {
        public var url: String?
        public var key: String?
        public var device: String?
        /// Of TLS: PEM of the authorities that are trusted in place of the system's.
        public var ca: String?
        /// Pinned public keys, `sha256/BASE64`, with commas between them.
        public var pin: String?
        /// PEM of our own certificate and of its key.
        public var cert: String?
        public var certKey: String?

        public init(url: String? = nil, key: String? = nil, device: String? = nil) {
            self.url = url
            self.key = key
            self.device = device
        }
    }

    public typealias Problem = TOMLText.Problem

    /// What stands above all tables.
    public private(set) var base = Profile()
    /// By the name in `[profile.NAME]`: what stands there alone.
    public private(set) var profiles: [String: Profile] = [:]

    public init(parsing text: String) throws(Problem) {
        for (name, table) in try TOMLText(parsing: text).tables.sorted(by: { $0.value.line < $1.value.line }) {
            if name.isEmpty {
                base = try ConfigurationFile.profile(table)
            } else if name.count == 2, name[0] == "profile" {
                profiles[name[1]] = try ConfigurationFile.profile(table)
            } else {
                throw Problem(line: table.line, sentence: "the tables here are [profile.NAME]")
            }
        }
    }

    /// The values in force under a profile, or without one; nil where there is no such profile.
    ///
    /// What a profile leaves out is that of the top. A key is one hub's, and so is whom we trust to be it and what we
    /// show it: a profile with a url of its own does not inherit them.
    public func values(profile name: String?) -> Profile? {
        guard let name else { return base }
        guard let profile = profiles[name] else { return nil }
        guard profile.url == nil else {
            var profile = profile
            profile.device = profile.device ?? base.device
            return profile
        }
        var values = base
        values.key = profile.key ?? base.key
        values.device = profile.device ?? base.device
        values.ca = profile.ca ?? base.ca
        values.pin = profile.pin ?? base.pin
        // The two go together.
        if profile.cert != nil || profile.certKey != nil {
            (values.cert, values.certKey) = (profile.cert, profile.certKey)
        }
        return values
    }

    private static func profile(_ table: TOMLText.Table) throws(Problem) -> Profile {
        var profile = Profile()
        for (name, value) in table.values.sorted(by: { $0.value.line < $1.value.line }) {
            switch name {
            case "url": profile.url = value.text
            case "key": profile.key = value.text
            case "device": profile.device = value.text
            case "ca": profile.ca = value.text
            case "pin": profile.pin = value.text
            case "cert": profile.cert = value.text
            case "cert_key": profile.certKey = value.text
            default:
                throw Problem(
                    line: value.line,
                    sentence: "there is no setting \(name): url, key, device, ca, pin, cert and cert_key are")
            }
            if value.text.isEmpty { throw Problem(line: value.line, sentence: "\(name) is empty") }
        }
        return profile
    }
}
