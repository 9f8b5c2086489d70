import Foundation
import Testing

/// Configuration, completions, manual page and doctor.
@Suite("Setting up", .serialized, .timeLimit(.minutes(5)))
struct SetupTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-setup-\(UUID().uuidString)")

    /// No environment of the tester's own decides.
    private func run(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Program {
        var clean = ["XDG_CONFIG_HOME": folder.path, "XDG_STATE_HOME": folder.appending(path: "state").path]
        for name in ["URL", "KEY", "DEVICE", "CONFIG", "PROFILE"] { clean["CARILLON_\(name)"] = "" }
        return try Program(arguments, environment: clean.merging(environment) { $1 })
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        let path = folder.appending(path: "carillon/config.toml")
        try FileManager.default.createDirectory(
            at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: path)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.path)
    }

    @Test("an option wins over the environment, which wins over the profile, which wins over the file")
    func precedence() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = "car_12345678_" + String(repeating: "s", count: 43)
        try write(
            "url = \"http://top:1\"\nkey = \"\(key)\"\ndevice = \"filed\"\n[profile.p]\nurl = \"http://profile:2\"\n")
        func shown(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> String {
            let program = try run(["config", "show"] + arguments, environment)
            #expect(program.exitStatus() == 0, "\(program.errorText)")
            #expect(!program.text.contains("ssss") && program.errorText.isEmpty)
            return program.text
        }
        var text = try shown()
        #expect(text.contains("http://top:1") && text.contains("filed") && text.contains("car_12345678_…"))
        text = try shown(["--profile", "p"])
        #expect(text.contains("http://profile:2") && text.contains("key     none"))
        text = try shown([], ["CARILLON_PROFILE": "p", "CARILLON_URL": "http://environment:3", "CARILLON_DEVICE": "e"])
        #expect(text.contains("http://environment:3  (CARILLON_URL)") && text.contains("device  e"))
        text = try shown(["--url", "http://option:4"], ["CARILLON_URL": "http://environment:3"])
        #expect(text.contains("http://option:4  (--url)"))
    }

    @Test("a key that others can read is warned about, and a wrong line is named")
    func troubles() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("key = \"k\"\n", mode: 0o644)
        let open = try run(["config", "show"])
        #expect(open.exitStatus() == 0)
        #expect(open.errorText.contains("chmod 600"))
        try write("url = \"http://h:1\"\ndevise = \"d\"\n")
        let wrong = try run(["status"])
        #expect(wrong.exitStatus() == 65)
        #expect(wrong.errorText.contains("config.toml:2: there is no setting devise"))
        try write("")
        let nameless = try run(["push", "--key", "k", "/dev/null"])
        #expect(nameless.exitStatus() == 64)
        #expect(nameless.errorText.contains("CARILLON_DEVICE"))
        #expect(try run(["status", "--config", "/nowhere.toml"]).exitStatus() == 74)
        #expect(try run(["status", "--profile", "none"]).exitStatus() == 64)
        let unknown = try run(["status", "--key", "k", "--url", "http://no-such-host.invalid:1"])
        #expect(unknown.exitStatus() == 69)
        #expect(unknown.errorText.contains("no-such-host.invalid") && unknown.errorText.contains("--url"))
    }

    @Test("a configured hub, key and device need no options")
    func configured() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let hub = try HubProcess()
        try write("url = \"\(hub.url)\"\nkey = \"\(hub.key)\"\ndevice = \"laptop\"\n")
        let file = hub.folder.appending(path: "one.ndjson")
        try Data(#"{"kind":"a,b","id":"1","body":1}"#.utf8).write(to: file)
        let push = try run(["push", file.path])
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        for (kind, count) in [("a,b", 1), ("a", 0)] {
            let pull = try run(["pull", "--all", "--json", "--kind", kind])
            #expect(pull.exitStatus() == 0, "\(pull.errorText)")
            #expect(pull.lines.count == count)
        }
        let tail = try run(["tail", "--device", "phone", "--json", "--until-synced"])
        #expect(tail.exitStatus() == 0)
        #expect(tail.lines.count == 1)
    }

    @Test("a command that was mistyped is guessed, and what is near none is not")
    func mistyped() throws {
        for (word, meant) in [("tial", "tail"), ("satus", "status"), ("conflict", "conflicts")] {
            let program = try run([word])
            #expect(program.exitStatus() == 64)
            #expect(program.errorText.contains("Did you mean `carillon \(meant)`?"), "\(program.errorText)")
        }
        for word in ["qqqq", "--hlep", "user"] {
            let program = try run([word])
            _ = program.exitStatus()
            #expect(!(program.errorText + program.text).contains("mean `carillon"), "\(word)")
        }
    }

    @Test("without HOME, files are the user's own and not the current folder's")
    func homeless() throws {
        let program = try run(["config", "path"], ["HOME": "", "XDG_CONFIG_HOME": ""])
        #expect(program.exitStatus() == 0)
        #expect(
            program.text.hasPrefix("/") && program.text.hasSuffix("/.config/carillon/config.toml\n"), "\(program.text)")
    }

    @Test("the profiles of the configuration complete --profile")
    func profileNames() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("[profile.work]\nurl = \"http://w:1\"\n[profile.away]\nurl = \"http://a:1\"\n")
        let script = try run(["completions", "bash"])
        #expect(script.exitStatus() == 0)
        let completing = try run(
            ["---completion", "status", "--", "--profile", "2", "0", "carillon", "status", "--profile", ""],
            ["SAP_SHELL": "bash"])
        _ = completing.exitStatus()
        #expect(completing.lines == ["away", "work"], "\(completing.text) \(completing.errorText)")
    }

    @Test("a command that is started without standard input or output says so, and does not take a socket for one")
    func closed() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let hub = try HubProcess()
        try write("url = \"\(hub.url)\"\nkey = \"\(hub.key)\"\ndevice = \"d\"\n")
        for (command, word) in [("push <&-", "Cannot push -"), ("status >&-", "Cannot write")] {
            let program = try Program(
                ["-c", "exec \(Program.path) \(command)"], environment: ["XDG_CONFIG_HOME": folder.path],
                executable: "/bin/sh")
            #expect(program.exitStatus(seconds: 10) == 74)
            #expect(program.errorText.contains(word), "\(program.errorText)")
        }
    }

    @Test("completions are scripts that their shell reads", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let program = try run(["completions", shell])
        #expect(program.exitStatus() == 0)
        for word in ["resolve", "doctor", "supersedes"] { #expect(program.text.contains(word), "\(word)") }
        let script = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString).\(shell)")
        defer { try? FileManager.default.removeItem(at: script) }
        try Data(program.text.utf8).write(to: script)
        let path = "/bin/\(shell)"
        guard FileManager.default.isExecutableFile(atPath: path) else { return }
        let check = try Program(["-n", script.path], executable: path)
        #expect(check.exitStatus() == 0, "\(check.errorText.prefix(500))")
    }

    @Test("the manual page names every command and option, and roff finds nothing wrong in it")
    func manual() throws {
        let program = try run(["man"])
        #expect(program.exitStatus() == 0)
        let page = program.text
        #expect(page.hasPrefix(".TH CARILLON 1"))
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "ENVIRONMENT", "FILES"] {
            #expect(page.contains("\n.SH \(section)\n"))
        }
        for command in ["serve", "tail", "device register", "key revoke", "config show", "doctor", "man"] {
            #expect(page.contains(".SS \"carillon \(command)\"\n"), "\(command)")
        }
        for option in ["exec", "supersedes", "quick\\-start", "profile"] { #expect(page.contains("\\-\\-\(option)")) }
        let groff = "/usr/bin/groff"
        guard FileManager.default.isExecutableFile(atPath: groff) else { return }
        let file = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString).1")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(page.utf8).write(to: file)
        let check = try Program(["-man", "-Tutf8", "-ww", file.path], executable: groff)
        #expect(check.exitStatus() == 0)
        #expect(check.errorText.isEmpty, "\(check.errorText.prefix(500))")
        #expect(check.text.contains("config.toml"))
    }

    /// Verdicts by check.
    private func doctor(_ arguments: [String], exit: Int32) throws -> [String: String] {
        let program = try run(["doctor", "--json"] + arguments)
        #expect(program.exitStatus() == exit, "\(program.text) \(program.errorText)")
        var verdicts: [String: String] = [:]
        for line in program.lines {
            let finding = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
            let verdict = try #require(finding["verdict"])
            #expect(verdict == "ok" || finding["remedy"] != nil, "\(line)")
            verdicts[try #require(finding["check"])] = verdict
        }
        return verdicts
    }

    @Test("the doctor finds a sound set-up sound, and a wrong key, no hub and a damaged store")
    func doctor() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let hub = try HubProcess()
        let data = hub.folder.appending(path: "data").path
        let sound = try doctor(["--url", hub.url, "--key", hub.key, "--device", "d", "--data", data], exit: 0)
        #expect(sound.values.allSatisfy { $0 == "ok" || $0 == "warn" })
        for check in ["hub", "key", "version", "clock", "device", "websocket", "state", "data", "running", "store"] {
            #expect(sound[check] == "ok", "\(check)")
        }
        let status = try hub.run(["status", "--json"])
        #expect(status.exitStatus() == 0)
        #expect(status.text.contains(#""devices":[]"#), "the doctor registered a device: \(status.text)")
        let stranger = "car_AAAAAAAA_" + String(repeating: "A", count: 43)
        #expect(try doctor(["--url", hub.url, "--key", stranger], exit: 1)["key"] == "fail")
        #expect(try doctor(["--url", hub.url, "--key", "short"], exit: 1)["key"] == "fail")
        #expect(try doctor(["--url", hub.url], exit: 1)["key"] == "fail")
        #expect(try doctor(["--url", "http://127.0.0.1:1", "--key", "k"], exit: 1)["hub"] == "fail")
        #expect(try doctor(["--url", "ftp://h", "--key", "k"], exit: 1)["url"] == "fail")
        try write("nonsense")
        #expect(try doctor([], exit: 1)["config"] == "fail")
        try write("")
        let broken = hub.folder.appending(path: "broken")
        try FileManager.default.createDirectory(at: broken, withIntermediateDirectories: true)
        try Data(String(repeating: "no database ", count: 1_000).utf8).write(to: broken.appending(path: "carillon.db"))
        let damaged = try doctor(["--url", hub.url, "--key", hub.key, "--data", broken.path], exit: 1)
        #expect(damaged["store"] == "fail")
        #expect(damaged["data"] == "warn")
    }

    @Test("tail and push offer compression, unless they are told not to")
    func compressionOffered() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try StandInServer { request in
            let isOffered = request.head.lowercased().contains("sec-websocket-extensions: permessage-deflate")
            let detail = isOffered ? "it was offered" : "it was not offered"
            return .init(
                status: 401, type: "application/problem+json", body: #"{"code":"unauthorized","detail":"\#(detail)"}"#)
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let lines = folder.appending(path: "lines.ndjson")
        try Data("{\"kind\":\"note\",\"id\":\"1\",\"clock\":{\"d\":1},\"body\":1}\n".utf8).write(to: lines)
        let key = "car_12345678_" + String(repeating: "s", count: 43)
        for command in [["tail"], ["push", lines.path]] {
            let told = command + ["--url", server.url, "--key", key, "--device", "d"]
            let program = try run(told)
            #expect(program.exitStatus() == 77)
            #expect(program.errorText.contains("it was offered"), "\(program.errorText)")
            let plain = try run(told + ["--no-compression"])
            #expect(plain.exitStatus() == 77)
            #expect(plain.errorText.contains("it was not offered"), "\(plain.errorText)")
        }
    }

    @Test("the doctor tells a server that is no hub, a proxy that keeps the upgrade back, and clocks apart")
    func strangers() throws {
        let stranger = try StandInServer { _ in .init(status: 404, type: "text/html", body: "<html>") }
        #expect(try doctor(["--url", stranger.url, "--key", "k"], exit: 1)["hub"] == "fail")
        let late = Int64((Date().timeIntervalSince1970 + 60) * 1e6)
        let proxy = try StandInServer { request in
            switch request.path {
            case "/health": .init(body: #"{"status":"ok"}"#)
            case "/ready": .init(status: 503, type: "application/problem+json", body: #"{"code":"store_unavailable"}"#)
            case "/v1/status":
                .init(
                    body: #"{"version":"9.9.9","protocol":1,"user":"u","server_time":\#(late),"devices":[{"id":"d"}]}"#)
            default: .init(status: 426)
            }
        }
        let found = try doctor(["--url", proxy.url, "--key", "k", "--device", "d"], exit: 1)
        #expect(found["hub"] == "warn")
        #expect(found["version"] == "warn")
        #expect(found["clock"] == "warn")
        #expect(found["device"] == "ok")
        #expect(found["websocket"] == "fail")
    }
}
