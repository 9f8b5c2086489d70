import Foundation
import Glibc
import Testing

/// What a hub tells of secrets, and whom it lets at its files, as a process of its own.
@Suite("Secrets", .serialized, .timeLimit(.minutes(5)))
struct SecretTests {
    private static let password = "MARKER-password-5f1c"
    private static let wrongPassword = "MARKER-wrong-9d2e"
    private static let wrongKey = "car_MARKERkk_" + String(repeating: "Q", count: 43)

    private func ask(_ port: UInt16, _ text: String) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(HubProcess.withAddress(port: port) { connect(descriptor, $0, $1) } == 0)
        let bytes = Array(text.utf8)
        try #require(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&poller, 1, 10_000) > 0 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private func request(
        _ port: UInt16, _ method: String, _ target: String, key: String = "", body: String = ""
    ) throws -> String {
        try ask(
            port,
            "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                + (key.isEmpty ? "" : "Authorization: Bearer \(key)\r\nX-API-Key: \(key)\r\n")
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    @Test("no secret is in the log, in an answer that does not give it, in the metrics or in a file beside the store")
    func nowhere() throws {
        let hub = try HubProcess(options: ["--quick-start", "--log-level", "debug"])
        let secret = String(hub.key.suffix(43))
        var answers = ""
        // Logins of a dialect, good and wrong keys everywhere, keys where they do not belong.
        let set = try Program(
            [
                "-c",
                "echo \(Self.password) | '\(Program.path)' user set me --email me@example.org --password-stdin "
                    + "--data '\(hub.data)'",
            ], executable: "/bin/sh")
        #expect(set.exitStatus() == 0, "\(set.errorText)")
        var loginSecrets: [String] = []
        for (password, status) in [(Self.password, 200), (Self.wrongPassword, 401)] {
            let answer = try request(
                hub.port, "POST", "/api/auth/login", body: #"{"email":"me@example.org","password":"\#(password)"}"#)
            #expect(answer.hasPrefix("HTTP/1.1 \(status)") && !answer.contains(password), "\(answer)")
            if let range = answer.range(of: "car_") {
                loginSecrets.append(String(answer[range.lowerBound...].prefix(56).suffix(43)))
            }
        }
        #expect(loginSecrets.count == 1)
        for key in [hub.key, Self.wrongKey, hub.key + "x", String(hub.key.dropLast())] {
            for path in [
                "/v1/status", "/metrics", "/v1/nothing", "/api/sync/pull", "/sync?last_pulled_at=0", "/v1/socket",
            ] {
                answers += try request(hub.port, "GET", path, key: key)
                answers += try request(hub.port, "GET", "\(path)?key=\(key)&api_key=\(key)")
            }
            answers += try request(hub.port, "POST", "/v1/push", key: key, body: "{\"key\":\"\(key)\"}")
            answers += try request(hub.port, "GET", "/v1/records/\(key)", key: key)
        }
        answers += try ask(hub.port, "GET /\(hub.key) \(hub.key) HTTP/1.1\r\n\(hub.key)\r\n\r\n")
        // Under hello and all else that a client of ours does.
        let push = try hub.run(["push", "--device", "laptop", "--kind", "note", EndToEndTests.records.path])
        _ = push.exitStatus()
        for key in [Self.wrongKey, hub.key] {
            let status = try Program(["status", "--url", hub.url, "--key", key])
            _ = status.exitStatus()
            answers += status.text + status.errorText
        }
        let made = try Program(["key", "create", "me", "--data", hub.data])
        #expect(made.exitStatus() == 0)
        let other = String(made.text.trimmingCharacters(in: .whitespacesAndNewlines).suffix(43))
        answers += try request(hub.port, "GET", "/v1/status", key: made.text.trimmingCharacters(in: .newlines))
        #expect(hub.stop() == 0)
        let log = hub.program.errorText
        // Standard output has the lines to try with the first key: that is what it is for.
        for (text, name) in [(log, "the log"), (answers, "an answer")] {
            for marker in [secret, other, String(repeating: "Q", count: 43), Self.password, Self.wrongPassword]
                + loginSecrets
            {
                #expect(!text.contains(marker), "\(name) holds \(marker.prefix(12))")
            }
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: hub.data)
        where name != "first-key" {
            let bytes = try Data(contentsOf: URL(filePath: hub.data + "/" + name))
            for marker in [secret, other, Self.password, Self.wrongPassword] + loginSecrets {
                #expect(bytes.range(of: Data(marker.utf8)) == nil, "\(name) holds \(marker.prefix(12))")
            }
        }
    }

    @Test("the passwords of stores and buses stay out of messages")
    func connectionStrings() throws {
        let marker = "MARKERpw"
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-secret-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (store, bus) in [
            ("postgres://u:\(marker)@127.0.0.1:1/db", nil),
            ("postgres://u@127.0.0.1:1/db?password=\(marker)", nil),
            ("host=h password=\(marker)", nil),
            ("postgres://u@127.0.0.1:1/db", "nats://\(marker)@127.0.0.1:1"),
            ("postgres://u@127.0.0.1:1/db", "nats://u:\(marker)@127.0.0.1:1"),
            ("sqlite", "nuts://u:\(marker)@h"),
        ] as [(String, String?)] {
            for isByEnvironment in [false, true] {
                var arguments = ["serve", "--data", folder.path, "--listen", "127.0.0.1:0"]
                var environment = ["PGCONNECT_TIMEOUT": "2"]
                if isByEnvironment {
                    environment["CARILLON_STORE"] = store
                    if let bus { environment["CARILLON_BUS"] = bus }
                } else {
                    arguments += ["--store", store] + (bus.map { ["--bus", $0] } ?? [])
                }
                let program = try Program(arguments, environment: environment)
                #expect(program.exitStatus() != 0)
                #expect(!(program.text + program.errorText).contains(marker), "\(program.errorText)")
            }
        }
    }

    @Test("with any umask the store, its logs, the key and backups are for their owner alone, and open ones are closed")
    func modes() throws {
        let old = umask(0)
        defer { _ = umask(old) }
        let hub = try HubProcess()
        let push = try hub.run(["push", "--device", "laptop", EndToEndTests.records.path])
        #expect(push.exitStatus() == 0)
        func modes() throws -> [String: Int] {
            var modes: [String: Int] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: hub.data) + ["."] {
                let attributes = try FileManager.default.attributesOfItem(atPath: hub.data + "/" + name)
                modes[name] = (attributes[.posixPermissions] as? NSNumber)?.intValue
            }
            return modes
        }
        let found = try modes()
        #expect(found["carillon.db"] != nil && found["first-key"] != nil)
        for (name, mode) in found {
            #expect(mode == (name == "." ? 0o700 : 0o600), "\(name): \(String(mode, radix: 8))")
        }
        for (command, file) in [("backup", "copy.db"), ("export", "all.ndjson")] {
            let path = hub.folder.appending(path: file).path
            let program = try Program(["admin", command, path, "--data", hub.data])
            if program.exitStatus() == 0, FileManager.default.fileExists(atPath: path) {
                let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
                #expect(mode?.intValue == 0o600, "\(file)")
            }
        }
        #expect(hub.stop() == 0)
        for name in ["first-key", "carillon.db"] { chmod(hub.data + "/" + name, 0o644) }
        chmod(hub.data, 0o755)
        try hub.start()
        #expect(try modes()["first-key"] == 0o600 && modes()["carillon.db"] == 0o600)
        let text = hub.program.errorText
        #expect(text.contains("Others could read") && text.contains("first-key") && text.contains("chmod 700"))
    }

    @Test("a hub's memory is for no core dump, unless it is told that it may be")
    func coreDumps() throws {
        for (options, isPrivate) in [([], true), (["--core-dumps"], false)] as [([String], Bool)] {
            let hub = try HubProcess(options: ["--quick-start"] + options)
            let path = "/proc/\(hub.program.process.processIdentifier)"
            let limits = try String(contentsOfFile: path + "/limits", encoding: .utf8)
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
            #expect(!isPrivate || line.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
            // proc(5): `coredump_filter` is of root where the process is not dumpable; as root, whose all is, ask the
            // other way: a mode of 0600 stays, the owner does not change.
            var status = stat()
            #expect(stat(path + "/mem", &status) == 0)
            #expect(!isPrivate || status.st_uid == 0)
        }
    }

    @Test("names that speak to a terminal reach none, and JSON keeps them")
    func terminals() throws {
        let hub = try HubProcess()
        let evil = "a\u{9b}31m\u{202e}b\u{2028}c"
        let line = try JSONSerialization.data(
            withJSONObject: ["kind": "note", "id": evil, "body": ["t": "\u{1b}[31m\u{9b}2J"]])
        let file = hub.folder.appending(path: "evil.ndjson")
        try (line + Data("\n".utf8)).write(to: file)
        let push = try hub.run(["push", "--device", "d\u{9b}\u{202e}evil", file.path])
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        func expectSilence(_ text: String, _ what: [String], sourceLocation: SourceLocation = #_sourceLocation) {
            let commands = text.unicodeScalars.filter { ["\u{1b}", "\u{9b}", "\u{202e}", "\u{2028}"].contains($0) }
            #expect(commands.isEmpty, "\(what): \(text.debugDescription)", sourceLocation: sourceLocation)
        }
        expectSilence(push.text + push.errorText, ["push"])
        let listings = [["device", "list"], ["status"], ["conflicts"]]
        for arguments in listings + [["push", "--device", "x", "/no/\u{1b}[31m"]] {
            let program = try hub.run(arguments)
            _ = program.exitStatus()
            expectSilence(program.text + program.errorText, arguments)
        }
        // To a program a body goes as it is; to a terminal it does not.
        let script = "/usr/bin/script"
        if FileManager.default.isExecutableFile(atPath: script) {
            for words in [
                "pull", "pull --json", "get note \"$EVIL\"", "get --json note \"$EVIL\"", "device list --json",
            ] {
                let program = try Program(
                    ["-qec", "'\(Program.path)' \(words) --url \(hub.url) --key \(hub.key)", "/dev/null"],
                    environment: ["EVIL": evil], executable: script)
                #expect(program.exitStatus() == 0, "\(words): \(program.text)")
                #expect(program.text.contains("\u{fffd}"), "\(words)")
                expectSilence(program.text, [words])
            }
        }
        let pulled = try hub.run(["pull", "--json"])
        #expect(pulled.exitStatus() == 0)
        let object =
            try JSONSerialization.jsonObject(
                with: Data(try #require(pulled.text.split(separator: "\n").first).utf8)) as? [String: Any]
        #expect(object?["id"] as? String == evil)
    }
}
