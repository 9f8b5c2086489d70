internal import ArgumentParser
internal import CarillonClient

/// `carillon config`: what is configured, and where.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show the configuration in force.",
        discussion: """
            ~/.config/carillon/config.toml keeps what need not be typed each time. An option wins over the \
            environment, which wins over the file:

              url = "http://127.0.0.1:8787"
              key = "car_..."
              device = "laptop"

              [profile.work]
              url = "https://10.0.0.7:8787"
              key = "car_..."
              ca = "~/.config/carillon/work-ca.pem"

            Of TLS there are ca, pin, cert and cert_key. A profile with a url of its own inherits none of them, and no key.

              carillon config show --profile work
            """,
        subcommands: [Show.self, Path.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show url, key and device, and where each comes from. The key is masked.",
            discussion: "  carillon config show")

        @OptionGroup var hub: HubOptions

        func run() throws {
            let settings = try hub.settings()
            var text = "file    \(settings.path)\(settings.fileExists ? "" : " (there is none)")\n"
            if let profile = settings.profile { text += "profile \(profile)\n" }
            let url = settings.url.map { "\($0.text)  (\($0.source))" } ?? "\(HubURL.standard)  (default)"
            let key = settings.key.map { "\(Show.masked($0.text))  (\($0.source))" } ?? "none"
            let device = settings.device.map { "\($0.text)  (\($0.source))" } ?? "none"
            text += "url     \(url)\nkey     \(key)\ndevice  \(device)\n"
            let rest = [
                ("ca      ", settings.ca), ("pin     ", settings.pin), ("cert    ", settings.cert),
                ("cert_key", settings.certKey),
            ]
            for case (let name, let setting?) in rest {
                text += "\(name)\(name.hasSuffix(" ") ? "" : " ")\(setting.text)  (\(setting.source))\n"
            }
            try Output.write(text)
        }

        /// The visible prefix names a key and opens nothing; of what has not a key's form nothing is shown.
        static func masked(_ key: String) -> String {
            key.hasPrefix("car_") && key.utf8.count > 24 ? key.prefix(12) + "_…" : "…"
        }
    }

    struct Path: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print where the configuration is looked for.",
            discussion: "  mkdir -p \"$(dirname \"$(carillon config path)\")\"")

        @OptionGroup var hub: HubOptions

        func run() throws {
            try Output.write(
                (hub.config ?? Environment.value("CARILLON_CONFIG") ?? HubSettings.standardPath) + "\n")
        }
    }
}
