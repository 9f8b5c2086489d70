internal import ArgumentParser
internal import CarillonClient
internal import Cryptography
internal import Foundation

extension Checkup {
    /// Days before a certificate's end from which it is warned of.
    private static let warnedDays: Int64 = 14
    private static let daySeconds: Int64 = 86_400

    /// Whether the way to the hub is secret, and what of ours there is for it. What the hub's own certificate is worth,
    /// the handshake says.
    mutating func tls(_ settings: HubSettings, _ url: HubURL) {
        guard url.isSecure else {
            guard !url.isLoopback else { return }
            note(
                "tls", .warn, "Key and records go to \(url) in the clear.",
                remedy: "Start the hub with --tls-cert and --tls-key, or --tls-self-signed, and use https://.")
            return
        }
        for (what, setting) in [("authority", settings.ca), ("certificate", settings.cert)] {
            guard let setting else { continue }
            let path = HubSettings.path(setting.text)
            guard let text = try? String(contentsOfFile: path, encoding: .utf8), let found = Certificate(pem: text)
            else { continue }
            certificate(found, "The \(what) in \(path)")
        }
    }

    /// The local authority of a hub's data folder, where there is one.
    mutating func ownAuthority(_ data: String) {
        guard let options = try? DataFolder.parse(["--data", data]) else { return }
        let folder = TLSFolder(options)
        do {
            guard let authority = try folder.authority() else { return }
            certificate(authority.certificate, "The local CA in \(folder.path)")
            if let server = folder.server() { certificate(server, "The server's certificate in \(folder.path)") }
            if HubSettings.isOpenToOthers(folder.authorityKeyPath) {
                note(
                    "tls", .fail, "\(folder.authorityKeyPath) can be read by others, who can pose as the hub.",
                    remedy: "chmod 600 \(Terminal.quoted(folder.authorityKeyPath)), and think of a new CA.")
            }
        } catch {
            let failure = error as? CommandFailure
            note("tls", .fail, failure?.sentence ?? "\(error)", remedy: failure?.remedy ?? "Look at \(folder.path).")
        }
    }

    /// Tells of a certificate's end where that is near.
    mutating func certificate(_ certificate: Certificate, _ what: String) {
        let now = Int64(Date().timeIntervalSince1970)
        let days = (certificate.notAfter - now) / Checkup.daySeconds
        let end = Clock.text(certificate.notAfter * 1_000_000)
        if certificate.notAfter <= now {
            note("tls", .fail, "\(what) expired at \(end).", remedy: "Get a new one from who issued it.")
        } else if certificate.notBefore > now {
            note("tls", .fail, "\(what) is not valid yet.", remedy: "See that this machine's clock is right.")
        } else if days < Checkup.warnedDays {
            note("tls", .warn, "\(what) expires at \(end).", remedy: "Get a new one from who issued it.")
        } else {
            note("tls", .ok, "\(what) is good until \(end).")
        }
    }
}
