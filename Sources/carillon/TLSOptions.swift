internal import ArgumentParser
internal import Cryptography
internal import Foundation
internal import Hub
internal import Reactor

/// How a hub speaks TLS, and where it may listen without.
struct TLSOptions: ParsableArguments {
    enum ClientCerts: String, ExpressibleByArgument, CaseIterable {
        case optional, required
    }

    @Option(
        help: ArgumentHelp(
            "Speak TLS with this certificate, PEM, and those behind it that lead to its authority; again, with its key, "
                + "for another name.",
            valueName: "file"),
        completion: .file())
    var tlsCert: [String] = []
    @Option(help: ArgumentHelp("The private key of a --tls-cert, in the same order.", valueName: "file"))
    var tlsKey: [String] = []
    @Option(help: ArgumentHelp("An OCSP response, DER, to staple to a --tls-cert, in order.", valueName: "file"))
    var tlsOcsp: [String] = []
    @Flag(
        help:
            "Speak TLS with a certificate of a local CA, which is made once in the data folder; prints how clients trust it."
    )
    var tlsSelfSigned = false
    @Option(
        help: ArgumentHelp(
            "With --tls-self-signed: another name or address by which clients reach the hub.", valueName: "name"))
    var tlsName: [String] = []
    @Option(
        help: ArgumentHelp(
            "Take client certificates of these authorities, PEM; one whose URI is carillon:USER/DEVICE stands for a key.",
            valueName: "file"),
        completion: .file())
    var tlsClientCa: String?
    @Option(
        help: ArgumentHelp(
            "Whether a client must show a certificate. With --tls-self-signed alone they are those of the local CA.",
            valueName: "optional|required"))
    var tlsClientCerts: ClientCerts?
    @Flag(help: "Without TLS, listen beyond this machine: keys and records go over the network in the clear.")
    var insecure = false

    var isOn: Bool { tlsSelfSigned || !tlsCert.isEmpty }

    func validate() throws {
        if tlsSelfSigned, !tlsCert.isEmpty || !tlsKey.isEmpty {
            throw ValidationError("--tls-self-signed makes its own certificate: leave --tls-cert and --tls-key out.")
        }
        guard tlsCert.count == tlsKey.count else {
            throw ValidationError("Each --tls-cert has its --tls-key: there are \(tlsCert.count) and \(tlsKey.count).")
        }
        guard tlsOcsp.count <= tlsCert.count else {
            throw ValidationError("Each --tls-ocsp belongs to a --tls-cert, in their order.")
        }
        if !tlsName.isEmpty, !tlsSelfSigned { throw ValidationError("--tls-name goes with --tls-self-signed.") }
        for name in tlsName where TLSOptions.alternativeName(name) == nil {
            throw ValidationError("--tls-name is a host's name or address, and not \"\(name)\".")
        }
        if tlsClientCa != nil || tlsClientCerts != nil, !isOn {
            throw ValidationError("Client certificates need TLS: add --tls-cert and --tls-key, or --tls-self-signed.")
        }
        if tlsClientCerts != nil, tlsClientCa == nil, !tlsSelfSigned {
            throw ValidationError("--tls-client-certs goes with --tls-client-ca FILE: whose certificates to take.")
        }
        if insecure, isOn { throw ValidationError("--insecure is for a hub without TLS: leave it out.") }
    }

    /// Without TLS a hub is its machine's alone.
    func check(_ address: SocketAddress) throws {
        guard !isOn, !insecure, !TLSOptions.isLoopback(address) else { return }
        throw ValidationError(
            "Without TLS a hub listens on this machine only, and \(address) is beyond it. Give it a certificate "
                + "(--tls-cert FILE --tls-key FILE), let it make one (--tls-self-signed), or say --insecure where a proxy "
                + "or a network of yours keeps others out.")
    }

    /// The same for a socket that systemd listens on, whatever `--listen` says.
    func checkHandedOver(_ address: SocketAddress) throws {
        guard !isOn, !insecure, !TLSOptions.isLoopback(address) else { return }
        throw CommandFailure(
            .usage,
            "Without TLS a hub listens on this machine only, and the socket that was handed over is on \(address).",
            remedy: "Give the hub a certificate (--tls-cert FILE --tls-key FILE, or --tls-self-signed), say "
                + "--insecure, or let the unit's ListenStream= be an address of this machine: 127.0.0.1:\(address.port)."
        )
    }

    static func isLoopback(_ address: SocketAddress) -> Bool {
        address.isLoopback
    }

    /// Writes the options into `configuration`, whose address is known.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration, _ folder: TLSFolder) throws {
        guard isOn else { return }
        var server = TLSServerConfiguration(certificates: try certificates(folder, configuration.address))
        server.clientAuthorityPath = tlsClientCa ?? (tlsClientCerts == nil ? nil : folder.authorityPath)
        if server.clientAuthorityPath != nil {
            server.clientCertificates = tlsClientCerts == .required ? .required : .optional
        }
        do throws(TLSError) {
            configuration.tls = try TLSServer(server)
        } catch {
            throw CommandFailure(
                error.cause == .badFile ? .inputOutput : .usage, error.sentence,
                remedy: "See --tls-cert, --tls-key, --tls-ocsp and --tls-client-ca.")
        }
        configuration.refusedCertificates = try folder.revoked()
    }

    private func certificates(_ folder: TLSFolder, _ address: SocketAddress) throws -> [TLSFiles] {
        if tlsSelfSigned { return [try folder.serverFiles(names(address))] }
        return zip(tlsCert, tlsKey).enumerated().map { number, files in
            TLSFiles(
                chainPath: files.0, keyPath: files.1, ocspPath: number < tlsOcsp.count ? tlsOcsp[number] : nil)
        }
    }

    /// By which names the hub that listens there is reached, each once.
    func names(_ address: SocketAddress) -> [AlternativeName] {
        var texts = ["localhost", "127.0.0.1", "::1"]
        var host = [CChar](repeating: 0, count: 256)
        if gethostname(&host, host.count - 1) == 0 {
            texts.append(String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        if !TLSOptions.isWildcard(address) { texts.append(address.hostText) }
        var names: [AlternativeName] = []
        for name in (texts + tlsName).compactMap(TLSOptions.alternativeName) where !names.contains(name) {
            names.append(name)
        }
        return names
    }

    static func isWildcard(_ address: SocketAddress) -> Bool { ["0.0.0.0", "::"].contains(address.hostText) }

    /// A host's name or an address in text; nil where it is neither.
    static func alternativeName(_ text: String) -> AlternativeName? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return .address(withUnsafeBytes(of: four) { Array($0) }) }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return .address(withUnsafeBytes(of: six) { Array($0) }) }
        let isName =
            (1...253).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        return isName ? .host(text.lowercased()) : nil
    }
}
