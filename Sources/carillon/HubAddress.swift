internal import Cryptography
internal import Foundation
internal import Reactor

/// Where a hub that has started is to be reached, in words for its user.
struct HubAddress {
    let url: String
    /// What a client has to be told to trust it; empty where it need not.
    let trust: String
    /// Lines of how to trust it from elsewhere; empty where nothing is to be done.
    let lines: String

    /// The hub that listens on `address`.
    init(_ address: SocketAddress, _ options: TLSOptions, _ folder: TLSFolder) {
        guard options.isOn else {
            (url, trust, lines) = ("http://\(address)", "", "")
            return
        }
        let text = options.tlsSelfSigned ? nil : try? String(contentsOfFile: options.tlsCert[0], encoding: .utf8)
        let named = text.flatMap { Certificate(pem: $0) }?.alternativeNames.lazy.compactMap { name -> String? in
            if case .host(let host) = name, !host.contains("*") { host } else { nil }
        }.first
        // No certificate is for "every address".
        let host = named ?? (TLSOptions.isWildcard(address) ? "localhost" : nil)
        url = "https://" + (host.map { "\($0):\(address.port)" } ?? "\(address)")
        guard options.tlsSelfSigned, let server = folder.server(), let authority = try? folder.authority() else {
            (trust, lines) = ("", "")
            return
        }
        let file = URL(filePath: folder.authorityPath).standardizedFileURL.path
        let path = Terminal.quoted(file)
        trust = " --ca \(path)"
        let program = Terminal.quoted(CommandLine.arguments.first ?? "carillon")
        lines = """

            Its certificate is of a CA of its own, \(file)
              fingerprint  \(authority.certificate.fingerprint)
              pin          \(server.pinText)

            Clients trust it by that file, or by the pin alone:

              \(program) tail --url \(url) --ca \(path)
              \(program) tail --url \(url) --pin \(server.pinText)
              curl --cacert \(path) \(url)/health

            """
    }
}
