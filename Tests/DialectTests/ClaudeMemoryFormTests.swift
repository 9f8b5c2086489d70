import Causality
import Foundation
import Testing

@testable import ClaudeMemoryDialect

@Suite("claude-memory forms")
struct ClaudeMemoryFormTests {
    @Test("an id is 1 to 2^63 - 1, of the user, the content and the attempt")
    func ids() {
        var ids: Set<Int64> = []
        for user in ["u_1", "u_2"] {
            for content in ["", "a", "b", "a\u{0}"] {
                for attempt in 0..<50 {
                    let id = MemoryID(content, of: .init(unchecked: user), attempt: attempt)
                    #expect(id.value > 0)
                    #expect(MemoryID(String(id.value)) == id)
                    ids.insert(id.value)
                }
            }
        }
        #expect(ids.count == 400)
        // Written down: another derivation would give every stored row a second id. By Python:
        // int.from_bytes(sha256(b"carillon.claude-memory.id\0u_1\0" b"0\0" b"a").digest()[:8]) >> 1
        #expect(MemoryID("a", of: "u_1", attempt: 0).value == 1_707_621_735_389_756_544)
    }

    @Test("times are ISO 8601 with an offset")
    func times() {
        #expect(ISOTime.text(0) == "1970-01-01T00:00:00.000000+00:00")
        #expect(ISOTime.text(-1) == "1969-12-31T23:59:59.999999+00:00")
        #expect(ISOTime.text(951_782_400_000_001) == "2000-02-29T00:00:00.000001+00:00")
        #expect(ISOTime.text(1_795_278_921_123_456) == "2026-11-21T16:35:21.123456+00:00")
        #expect(ISOTime.text(.max) == "9999-12-31T23:59:59.999999+00:00")
        #expect(ISOTime.text(.min) == "0000-01-01T00:00:00.000000+00:00")
        let formatter = ISO8601DateFormatter()
        for day in stride(from: Int64(-800_000), to: 800_000, by: 997) {
            let wanted = formatter.string(from: Date(timeIntervalSince1970: Double(day * 86_400)))
            // Foundation counts in the Julian calendar before 1582.
            if day > -141_427 { #expect(ISOTime.text(day * 86_400_000_000).prefix(19) == wanted.prefix(19)) }
        }
    }

    @Test("a number stays as it is spelled", arguments: ["0.9", "0", "1", "0.30000000000000004", "1e-3", "1.0", "-0"])
    func numbers(text: String) throws {
        let draft = try MemoryDraft(body: Array(#"{"content":"x","importance":\#(text)}"#.utf8), isWhole: true)
        #expect(draft.importance?.text == Array(text.utf8))
    }

    @Test("a spelling without end is no number")
    func longNumbers() {
        let text = "0." + String(repeating: "1", count: 100)
        #expect(throws: MemoryRefusal.self) {
            try MemoryDraft(body: Array(#"{"content":"x","importance":\#(text)}"#.utf8), isWhole: true)
        }
    }
}
