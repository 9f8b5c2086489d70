internal import ArgumentParser
internal import Causality
internal import Cryptography
internal import Foundation
internal import Hub

/// `carillon tls`: the hub's local authority.
struct TLSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls", abstract: "Show the hub's own CA, and issue and revoke certificates of devices.",
        discussion: """
            `carillon serve --tls-self-signed` makes the CA, in the data folder. A device's certificate can stand for its \
            key: the hub takes it with --tls-client-certs, or with --tls-client-ca FILE.

              carillon tls show
              carillon tls issue ada laptop --out ./laptop
              carillon tls revoke ./laptop/client.pem
            """,
        subcommands: [Show.self, Issue.self, Revoke.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the CA's fingerprint, and the server certificate's pin, names and end.",
            discussion: "  carillon tls show --data /var/lib/carillon")

        @OptionGroup var data: DataFolder

        func run() throws {
            let folder = TLSFolder(data)
            guard let authority = try folder.authority()?.certificate else {
                throw CommandFailure(
                    .notAccepted, "There is no CA in \(folder.path).",
                    remedy: "carillon serve --tls-self-signed makes one, and so does `carillon tls issue`.")
            }
            var text = """
                ca           \(folder.authorityPath)
                name         \(OneLine.clean(authority.commonName ?? ""))
                fingerprint  \(authority.fingerprint)
                until        \(Clock.text(authority.notAfter * 1_000_000))

                """
            if let server = folder.server() {
                text += """
                    server       \(folder.serverPath)
                    pin          \(server.pinText)
                    names        \(TLSCommand.text(server.alternativeNames))
                    until        \(Clock.text(server.notAfter * 1_000_000))

                    """
            }
            try Output.write(text)
        }
    }

    struct Issue: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a certificate by which a device of a user is known.",
            discussion: """
                Writes client.pem, client-key.pem and ca.pem into a folder; without a device it is good for any of the \
                user's. Whoever has the key is that user: move it as you would a password.

                  carillon tls issue ada laptop --out ./laptop
                  carillon tail --url https://hub.example:8787 --ca laptop/ca.pem --cert laptop/client.pem \
                --cert-key laptop/client-key.pem --device laptop
                """)

        @Argument(help: "The user's name.", transform: { try Names.identifier($0, "user") })
        var user: Identifier
        @Argument(help: "The device's name.", transform: { try Names.identifier($0, "device") })
        var device: Identifier?
        @Option(help: ArgumentHelp("The folder for the files; made where it does not exist.", valueName: "dir"))
        var out: String
        @Option(help: ArgumentHelp("Days that it is good for, 1 to 3650.", valueName: "n"))
        var days = LocalAuthority.certificateDays
        @OptionGroup var data: DataFolder

        func validate() throws {
            guard (1...LocalAuthority.authorityDays).contains(days) else {
                throw ValidationError("--days is a number from 1 to \(LocalAuthority.authorityDays).")
            }
            guard CertificateIdentity(user: user, device: device).uri.utf8.count <= CertificateIdentity.uriBytesMax
            else { throw ValidationError("The names are too long for a certificate.") }
        }

        func run() throws {
            try data.create()
            let folder = TLSFolder(data)
            let name = device.map { "\($0) of \(user)" } ?? user.text
            let issued = try folder.issueClient(
                uri: CertificateIdentity(user: user, device: device).uri, commonName: name, days: days)
            try PrivateFile.createFolder(out)
            try PrivateFile.create(out + "/client-key.pem", issued.keyPEM)
            try PrivateFile.create(out + "/client.pem", issued.certificatePEM)
            try PrivateFile.replace(
                out + "/ca.pem", try PrivateFile.text(folder.authorityPath, "the local CA's certificate"))
            let certificate = Certificate(pem: issued.certificatePEM)
            try Output.write(
                """
                Issued \(OneLine.clean(name)): \(out)/client.pem and client-key.pem, with ca.pem
                fingerprint  \(certificate?.fingerprint ?? "")
                until        \(Clock.text((certificate?.notAfter ?? 0) * 1_000_000))

                """)
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse a client certificate from now on.",
            discussion: """
                By its file or its SHA-256 fingerprint. A hub on this data folder that runs ends what is open with it within \
                some seconds.

                  carillon tls revoke ./laptop/client.pem
                  carillon tls revoke AB:CD:...

                Exit codes: 0 revoked, or it was already.
                """)

        @Argument(help: ArgumentHelp("A PEM file, or a fingerprint.", valueName: "certificate"))
        var certificate: String
        @OptionGroup var data: DataFolder

        func run() throws {
            let (hash, note) = try named()
            let isNew = try TLSFolder(data).revoke(hash, note)
            try Output.write("\(isNew ? "Revoked" : "Was revoked already:") \(Certificate.fingerprint(of: hash))\n")
        }

        private func named() throws -> ([UInt8], String) {
            if let hash = TLSFolder.hash(fingerprint: certificate) { return (hash, "by its fingerprint") }
            guard let found = Certificate(pem: try PrivateFile.text(certificate, "the certificate")) else {
                throw CommandFailure(
                    .badInput, "\(certificate) holds no PEM certificate.",
                    remedy: "Name the client.pem that `carillon tls issue` wrote, or its fingerprint.")
            }
            return (found.hash, found.commonName ?? "")
        }
    }

    static func text(_ names: [AlternativeName]) -> String {
        OneLine.clean(
            names.map { name in
                switch name {
                case .host(let host): host
                case .uri(let uri): uri
                case .address(let bytes): AddressText.of(bytes)
                }
            }.joined(separator: ", "))
    }
}

/// An address's bytes as text.
enum AddressText {
    static func of(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard bytes.count == 4 || bytes.count == 16,
            inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil
        else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
