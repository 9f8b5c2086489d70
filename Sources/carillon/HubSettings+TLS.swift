internal import CarillonClient
internal import Cryptography
internal import Reactor

extension HubSettings {
    private static let wasWarnedOfPlain = Guarded(false)

    /// The key; empty where a certificate stands for it.
    func apiKey(for url: HubURL) throws -> String {
        if key == nil, url.isSecure, cert != nil { return "" }
        let text = try apiKey()
        if !url.isSecure, !url.isLoopback { HubSettings.warnOfPlain(url) }
        return text
    }

    /// Once a process: a command may make several clients.
    private static func warnOfPlain(_ url: HubURL) {
        let isFirst = wasWarnedOfPlain.withLock { was in
            defer { was = true }
            return !was
        }
        guard isFirst else { return }
        Terminal.complain(
            "Warning: the API key goes to \(url) in the clear, and so does every record: use https://, or a tunnel.")
    }

    /// Whom to trust, and what to show; nil without TLS.
    func tlsClient(for url: HubURL) throws -> TLSClient? {
        guard url.isSecure else {
            // An option that did nothing would be trusted to do something. The others may be there for other hubs.
            for setting in [ca, pin, cert, certKey] {
                guard let setting, setting.source.hasPrefix("--") else { continue }
                throw CommandFailure(
                    .usage, "\(setting.source) goes with https://, and the hub's URL is \(url).",
                    remedy: "Pass --url https://… of a hub that speaks TLS.")
            }
            return nil
        }
        var configuration = TLSClientConfiguration()
        configuration.authorityPath = ca.map { HubSettings.path($0.text) }
        configuration.pins = try pins()
        switch (cert, certKey) {
        case (nil, nil): break
        case (let cert?, let key?):
            configuration.certificate = TLSFiles(
                chainPath: HubSettings.path(cert.text), keyPath: HubSettings.path(key.text))
        case (let one, _):
            throw CommandFailure(
                .usage, "A certificate and its key go together: the \(one == nil ? "certificate" : "key") is missing.",
                remedy: "Pass both --cert FILE and --cert-key FILE.")
        }
        do throws(TLSError) {
            return try TLSClient(configuration)
        } catch {
            throw CommandFailure(.inputOutput, error.sentence, remedy: "See --ca, --cert and --cert-key.")
        }
    }

    private func pins() throws -> [[UInt8]] {
        guard let pin else { return [] }
        return try pin.text.split(whereSeparator: { ",; ".contains($0) }).map { text in
            guard let hash = CertificatePin.hash(String(text)) else {
                throw CommandFailure(
                    .usage, "\"\(text)\" is no pin: it is sha256/ and 44 characters of base64.",
                    remedy: "It comes from \(pin.source); `carillon tls show` prints the hub's.")
            }
            return hash
        }
    }

    /// No shell has seen the configuration's.
    static func path(_ text: String) -> String {
        text.hasPrefix("~/") ? Environment.home + text.dropFirst(1) : text
    }
}
