import Foundation
import Testing

/// Which foreign protocols `carillon serve` speaks.
@Suite("Dialects of serve", .serialized, .timeLimit(.minutes(5)))
struct DialectOptionTests {
    private func refusal(_ options: [String]) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-dialects-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = try Program(["serve", "--data", folder.path, "--listen", "127.0.0.1:0"] + options)
        #expect(program.exitStatus() == 64)
        return program.errorText
    }

    @Test("each dialect says at the start where it is to be found")
    func startLines() throws {
        let hub = try HubProcess(options: ["--quick-start", "--dialect-prefix", "contextfs=/ctx"])
        let base = "http://127.0.0.1:\(hub.port)"
        #expect(hub.program.wait { $0.text.contains("watermelondb") })
        #expect(hub.program.text.contains("Speaks contextfs at \(base)/ctx\n"))
        #expect(hub.program.text.contains("Speaks claude-memory at \(base)\n"))
        #expect(hub.program.text.contains("Speaks watermelondb at \(base)\n"))
        let quiet = try HubProcess(options: ["--quick-start", "--dialects", "none"])
        #expect(quiet.stop() == 0)
        #expect(!quiet.program.text.contains("Speaks"))
    }

    @Test("a credential in a memory is replaced, and kept with --no-redaction")
    func redaction() throws {
        let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
        for (option, isKept) in [("--redaction", false), ("--no-redaction", true)] {
            let hub = try HubProcess(options: ["--quick-start", option])
            let memory = #"{"content":"token \#(secret)"}"#
            let added = try Exchange(port: hub.port).ask("POST", "/api/memories", key: hub.key, body: memory)
            #expect(added.status == 200)
            let rows = try Exchange(port: hub.port).ask("GET", "/api/memories/sync", key: hub.key).body
            #expect(rows.contains(secret) == isKept && rows.contains("[REDACTED:") != isKept)
        }
    }

    @Test("a dialect that is not there, and a prefix that is none, are refused with what there is")
    func refusals() throws {
        let text = try refusal(["--dialects", "contextfs,esperanto"])
        #expect(text.contains("esperanto") && text.contains("contextfs, claude-memory, watermelondb"))
        for prefix in ["contextfs", "contextfs=ctx", "contextfs=/", "contextfs=/a/../b", "contextfs=/a b", "x=/a"] {
            #expect(try refusal(["--dialect-prefix", prefix]).contains("--dialect-prefix"))
        }
        #expect(try refusal(["--dialects", "none", "--dialect-prefix", "contextfs=/ctx"]).contains("not spoken"))
        for origin in ["*", "app.example.org", "https://", "https://a/b", "https://a b", "://a", "https://a,https://b"]
        {
            #expect(try refusal(["--dialect-origin", origin]).contains("--dialect-origin"))
        }
        #expect(try refusal(["--push-max-mb", "0"]).contains("--push-max-mb"))
    }
}
