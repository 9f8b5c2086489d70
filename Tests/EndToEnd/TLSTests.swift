import Foundation
import Glibc
import Testing

/// A hub with a CA of its own, clients that trust it, and devices that are known by certificates.
@Suite("TLS end to end", .serialized, .timeLimit(.minutes(5)))
struct TLSTests {
    private static let secure = ["--quick-start", "--tls-self-signed"]
    /// Within this many looks at the files a change of theirs is taken up.
    private static let reloadSeconds = 30.0

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func push(_ hub: HubProcess, _ id: String, _ more: [String] = []) throws -> Program {
        let file = hub.folder.appending(path: "\(id).ndjson")
        try Data(#"{"kind":"note","id":"\#(id)","body":1}"#.utf8).write(to: file)
        return try hub.run(["push", "--device", "laptop", file.path] + more)
    }

    /// Without the first key, by a certificate.
    private func run(_ hub: HubProcess, _ arguments: [String], certificate folder: String?) throws -> Program {
        var all = arguments + ["--url", hub.url] + hub.trust
        if let folder { all += ["--cert", folder + "/client.pem", "--cert-key", folder + "/client-key.pem"] }
        return try Program(
            all,
            environment: [
                "XDG_STATE_HOME": hub.folder.path, "XDG_CONFIG_HOME": hub.folder.path, "CARILLON_KEY": "",
            ])
    }

    private func issue(_ hub: HubProcess, _ names: [String]) throws -> String {
        let out = hub.folder.appending(path: names.joined(separator: "-")).path
        let issue = try Program(["tls", "issue"] + names + ["--out", out, "--data", hub.data])
        #expect(issue.exitStatus() == 0, "\(issue.errorText)")
        return out
    }

    @Test("a self-signed hub is pushed to, listened to and pulled from by who trusts its CA, or its pin")
    func selfSigned() throws {
        let hub = try HubProcess(options: Self.secure)
        #expect(hub.program.wait { $0.text.contains("tail --url https://") && $0.text.contains("push --url") })
        #expect(hub.program.text.contains("Carillon listens on https://127.0.0.1:\(hub.port)"))
        let tail = try hub.tail("phone")
        let push = try push(hub, "one")
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        #expect(tail.wait { $0.lines.count == 1 }, "\(tail.errorText)")
        let pull = try hub.run(["pull", "--all", "--json"])
        #expect(pull.exitStatus() == 0 && pull.lines.count == 1, "\(pull.errorText)")
        for name in ["ca-key.pem", "server-key.pem", "ca.pem"] {
            #expect(try mode(hub.data + "/tls/" + name) == 0o600, "\(name)")
        }
        #expect(try mode(hub.data + "/tls") == 0o700)

        let show = try Program(["tls", "show", "--data", hub.data])
        #expect(show.exitStatus() == 0, "\(show.errorText)")
        let pin = try #require(show.lines.first { $0.hasPrefix("pin") }?.split(separator: " ").last.map(String.init))
        #expect(hub.program.text.contains(pin) && show.text.contains("localhost, 127.0.0.1, ::1"))
        let pinned = try Program(["status", "--url", hub.url, "--key", hub.key, "--pin", pin])
        #expect(pinned.exitStatus() == 0, "\(pinned.errorText)")
        let other = "sha256/" + String(repeating: "A", count: 43) + "="
        let wrong = try Program(["status", "--url", hub.url, "--key", hub.key, "--pin", other] + hub.trust)
        #expect(wrong.exitStatus() == 69 && wrong.errorText.contains("not trusted"), "\(wrong.errorText)")
        #expect(hub.stop() == 0, "\(hub.program.errorText)")

        // The CA, the key and so the pin stay.
        try hub.start()
        let again = try Program(["status", "--url", hub.url, "--key", hub.key, "--pin", pin] + hub.trust)
        #expect(again.exitStatus() == 0, "\(again.errorText)")
    }

    @Test("who does not trust the hub ends at once and says what to do, and no key is said to it")
    func untrusted() throws {
        let hub = try HubProcess(options: Self.secure)
        let other = try HubProcess(options: Self.secure)
        for command in [["status"], ["tail", "--device", "d"], ["push", "--device", "d", EndToEndTests.records.path]] {
            for trust in [[], ["--ca", other.authorityPath]] {
                let program = try Program(
                    command + ["--url", hub.url, "--key", hub.key] + trust,
                    environment: ["XDG_STATE_HOME": hub.folder.path])
                #expect(program.exitStatus(seconds: 20) == 69, "\(command) \(program.errorText)")
                #expect(
                    program.errorText.contains("not trusted") && program.errorText.contains("--ca FILE"),
                    "\(program.errorText)")
            }
        }
        let plain = try HubProcess()
        let toPlain = try Program(["status", "--url", "https://127.0.0.1:\(plain.port)", "--key", plain.key])
        #expect(toPlain.exitStatus() == 69 && toPlain.errorText.contains("begins with http://"), "\(toPlain.errorText)")
        let toSecure = try Program(["status", "--url", "http://127.0.0.1:\(hub.port)", "--key", hub.key])
        #expect(
            toSecure.exitStatus() == 69 && toSecure.errorText.contains("begins with https://"), "\(toSecure.errorText)")
        let useless = try Program(["status", "--url", plain.url, "--key", plain.key, "--ca", hub.authorityPath])
        #expect(useless.exitStatus() == 64 && useless.errorText.contains("--ca goes with https://"))
    }

    @Test("a device is known by its certificate, over REST and in the socket, and not as another device")
    func identity() throws {
        let hub = try HubProcess(options: Self.secure + ["--tls-client-certs", "optional"])
        let (laptop, user, stranger) = (
            try issue(hub, ["me", "laptop"]), try issue(hub, ["me"]), try issue(hub, ["eve", "laptop"])
        )
        #expect(try mode(laptop + "/client-key.pem") == 0o600)
        let file = hub.folder.appending(path: "note.ndjson")
        try Data(#"{"kind":"note","id":"n","body":1}"#.utf8).write(to: file)
        let push = try run(hub, ["push", "--device", "laptop", file.path], certificate: laptop)
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        for folder in [laptop, user] {
            let pull = try run(hub, ["pull", "--all", "--json"], certificate: folder)
            #expect(pull.exitStatus() == 0 && pull.lines.count == 1, "\(pull.errorText)")
        }
        let elsewhere = try run(hub, ["tail", "--device", "phone", "--until-synced"], certificate: laptop)
        #expect(elsewhere.exitStatus(seconds: 20) == 77, "\(elsewhere.errorText)")
        #expect(elsewhere.errorText.contains("another device's"))
        let registered = try run(hub, ["device", "register", "phone"], certificate: laptop)
        #expect(registered.exitStatus() == 77, "\(registered.errorText)")
        let anyDevice = try run(hub, ["tail", "--device", "phone", "--until-synced", "--json"], certificate: user)
        #expect(anyDevice.exitStatus(seconds: 20) == 0 && anyDevice.lines.count == 1, "\(anyDevice.errorText)")
        let unknown = try run(hub, ["status"], certificate: stranger)
        #expect(unknown.exitStatus() == 77 && unknown.errorText.contains("no user"), "\(unknown.errorText)")
        let mixed = try run(hub, ["status", "--key", hub.key], certificate: stranger)
        #expect(mixed.exitStatus() == 77, "\(mixed.errorText)")
        #expect(try run(hub, ["status"], certificate: nil).exitStatus() == 64)
        #expect(try hub.run(["status"]).exitStatus() == 0)
    }

    @Test("a revoked certificate ends what is open with it and opens nothing more, and others go on")
    func revocation() throws {
        let hub = try HubProcess(options: Self.secure + ["--tls-client-certs", "optional"])
        let (phone, tablet) = (try issue(hub, ["me", "phone"]), try issue(hub, ["me", "tablet"]))
        let (lost, kept) = (
            try run(hub, ["tail", "--device", "phone", "--json"], certificate: phone),
            try run(hub, ["tail", "--device", "tablet", "--json"], certificate: tablet)
        )
        #expect(try push(hub, "one").exitStatus() == 0)
        #expect(lost.wait { $0.lines.count == 1 } && kept.wait { $0.lines.count == 1 })
        let revoke = try Program(["tls", "revoke", phone + "/client.pem", "--data", hub.data])
        #expect(revoke.exitStatus() == 0, "\(revoke.errorText)")
        #expect(lost.exitStatus(seconds: Self.reloadSeconds) == 77, "\(lost.errorText)")
        #expect(lost.errorText.contains("revoked"), "\(lost.errorText)")
        let again = try run(hub, ["status"], certificate: phone)
        #expect(again.exitStatus() == 77 && again.errorText.contains("revoked"), "\(again.errorText)")
        #expect(try push(hub, "two").exitStatus() == 0)
        #expect(kept.wait { $0.lines.count == 2 })
    }

    @Test("certificates are read again at SIGHUP and when their files change, and a live tail goes on")
    func reload() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-tls-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let (old, new) = (try HubProcess(options: Self.secure), try HubProcess(options: Self.secure))
        let (cert, key) = (folder.appending(path: "c.pem").path, folder.appending(path: "k.pem").path)
        func install(_ source: HubProcess) throws {
            for (from, to) in [("server.pem", cert), ("server-key.pem", key)] {
                try Data(contentsOf: URL(filePath: source.data + "/tls/" + from)).write(
                    to: URL(filePath: to), options: .atomic)
            }
        }
        try install(old)
        let hub = try HubProcess(options: ["--quick-start", "--tls-cert", cert, "--tls-key", key])
        let url = "https://127.0.0.1:\(hub.port)"
        func status(_ trusted: HubProcess) throws -> Int32? {
            try Program(["status", "--url", url, "--key", hub.key, "--ca", trusted.authorityPath]).exitStatus()
        }
        #expect(try status(old) == 0)
        let tail = try Program(
            ["tail", "--device", "phone", "--json", "--url", url, "--key", hub.key, "--ca", old.authorityPath],
            environment: ["XDG_STATE_HOME": hub.folder.path])
        func push(_ id: String, _ trusted: HubProcess) throws {
            let file = hub.folder.appending(path: "\(id).ndjson")
            try Data(#"{"kind":"note","id":"\#(id)","body":1}"#.utf8).write(to: file)
            let push = try Program(
                [
                    "push", "--device", "laptop", file.path, "--url", url, "--key", hub.key, "--ca",
                    trusted.authorityPath,
                ])
            #expect(push.exitStatus() == 0, "\(push.errorText)")
        }
        try push("one", old)
        #expect(tail.wait { $0.lines.count == 1 }, "\(tail.errorText)")

        // A file that is no certificate: the old one goes on.
        try Data("none".utf8).write(to: URL(filePath: cert), options: .atomic)
        hub.program.signal(SIGHUP)
        #expect(hub.program.wait { $0.errorText.contains("TLS goes on as it was") }, "\(hub.program.errorText)")
        #expect(try status(old) == 0)

        try install(new)
        hub.program.signal(SIGHUP)
        #expect(hub.program.wait { $0.errorText.contains("SIGHUP came: TLS is read again") })
        #expect(try status(new) == 0 && status(old) == 69)
        try push("two", new)
        #expect(tail.wait { $0.lines.count == 2 }, "\(tail.errorText)")

        try install(old)
        #expect(hub.program.wait(seconds: Self.reloadSeconds) { _ in (try? status(old)) == 0 })
        #expect(hub.program.errorText.contains("its files changed: TLS is read again"))
        try push("three", old)
        #expect(tail.wait { $0.lines.count == 3 } && !tail.errorText.contains("Trying again"), "\(tail.errorText)")
        #expect(hub.stop() == 0)
    }

    @Test("SIGHUP does not end a hub without TLS")
    func hangUp() throws {
        let hub = try HubProcess()
        hub.program.signal(SIGHUP)
        #expect(hub.program.wait { $0.errorText.contains("SIGHUP came") }, "\(hub.program.errorText)")
        #expect(try hub.run(["status"]).exitStatus() == 0)
        #expect(hub.stop() == 0)
    }

    @Test(
        "a hub that cannot be had as asked says why",
        arguments: [
            (["--listen", "0.0.0.0:0"], "--tls-self-signed"), (["--listen", "[::]:0"], "--insecure"),
            (["--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"], "leave --tls-cert"),
            (["--tls-cert", "a"], "has its --tls-key"), (["--tls-client-ca", "a"], "need TLS"),
            (["--tls-cert", "a", "--tls-key", "b", "--tls-client-certs", "required"], "--tls-client-ca FILE"),
            (["--tls-self-signed", "--insecure"], "--insecure is for"),
            (["--tls-name", "h"], "goes with --tls-self-signed"),
            (["--tls-self-signed", "--tls-name", "a b"], "not \"a b\""),
        ])
    func options(options: [String], word: String) throws {
        let program = try Program(["serve", "--store", "memory", "--listen", "127.0.0.1:0"] + options)
        #expect(program.exitStatus(seconds: 20) == 64, "\(program.errorText)")
        #expect(program.errorText.contains(word), "\(program.errorText)")
    }

    @Test("certificate files that are missing, no certificate, or another key's are named")
    func files() throws {
        let hub = try HubProcess(options: Self.secure)
        let tls = hub.data + "/tls/"
        for (cert, key, status, word) in [
            ("/none.pem", tls + "server-key.pem", 74, "/none.pem"), (tls + "server.pem", "/none.pem", 74, "/none.pem"),
            (tls + "server.pem", tls + "ca-key.pem", 64, "is not that of the certificate"),
            (tls + "server-key.pem", tls + "server-key.pem", 74, "server-key.pem"),
        ] as [(String, String, Int32, String)] {
            let program = try Program([
                "serve", "--store", "memory", "--data", hub.folder.appending(path: "other").path, "--listen",
                "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
            ])
            #expect(program.exitStatus(seconds: 20) == status, "\(program.errorText)")
            #expect(program.errorText.contains(word), "\(program.errorText)")
        }
    }

    @Test("with --insecure a hub listens everywhere without TLS, and a client warns of its key")
    func insecure() throws {
        let port = try HubProcess.freePort()
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-tls-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = try Program([
            "serve", "--store", "memory", "--quick-start", "--listen", "0.0.0.0:\(port)", "--insecure", "--data",
            folder.path,
        ])
        #expect(program.wait { $0.text.contains("Carillon listens on http://0.0.0.0:\(port)") }, "\(program.errorText)")
        let status = try Program(["status", "--url", "http://0.0.0.0:\(port)", "--key", "car_none"])
        #expect(status.exitStatus() == 77)
        #expect(status.errorText.contains("Warning: the API key goes to http://0.0.0.0:\(port) in the clear"))
        program.signal(SIGTERM)
        #expect(program.exitStatus() == 0)
    }
}
