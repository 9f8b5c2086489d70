import CarillonClient
import Causality
import Testing
import Wire

@Suite("Stamping of lines")
struct ChangeStamperTests {
    private func change(_ text: String, _ stamper: inout ChangeStamper, now: Int64 = 1_000) throws -> Change {
        guard case .change(let change) = stamper.change(line: Array(text.utf8), now: now) else {
            Issue.record("\(text) is no change")
            throw CancellationError()
        }
        return change
    }

    @Test("counters increase strictly, also when the clock stands still or goes back")
    func countersIncrease() {
        var stamper = ChangeStamper(replica: "r")
        let counters = [100, 100, 50, 101, 200].map { stamper.nextCounter(now: $0) }
        #expect(counters == [100, 101, 102, 103, 200])
    }

    @Test("a line without clock, kind and time gets all three; its body stays as it is")
    func fills() throws {
        var stamper = ChangeStamper(replica: "a \"quoted\" replica", kind: "no\"te")
        let made = try change(#" { "id":"x", "body": {"n" : 1.50,  "s":"\u00fc"} } "#, &stamper)
        #expect(made.kind == "no\"te")
        #expect(made.clock == VectorClock([.init(replica: "a \"quoted\" replica", counter: 1_000)]))
        #expect(made.updatedAt == 1_000)
        #expect(String(decoding: made.body, as: UTF8.self) == #"{"n" : 1.50,  "s":"\u00fc"}"#)
    }

    @Test("what a line says itself is kept, and a clock inside the body is not the line's")
    func keeps() throws {
        var stamper = ChangeStamper(replica: "r", kind: "other")
        let told = try change(#"{"kind":"k","id":"x","clock":{"z":3},"updated_at":5,"body":1}"#, &stamper)
        #expect(told.kind == "k" && told.updatedAt == 5)
        #expect(told.clock == VectorClock([.init(replica: "z", counter: 3)]))
        let inner = try change(#"{"kind":"k","id":"x","body":{"clock":{"z":3}}}"#, &stamper)
        #expect(inner.clock == VectorClock([.init(replica: "r", counter: 1_000)]))
    }

    @Test("an edit comes after the version that it is an edit of, and after what was stamped before")
    func edits() throws {
        var stamper = ChangeStamper(replica: "r")
        func edit(_ base: VectorClock, now: Int64 = 1_000) throws -> VectorClock {
            let line = Array(#"{"kind":"k","id":"x","body":1}"#.utf8)
            guard case .change(let change) = stamper.change(line: line, now: now, base: base) else {
                throw CancellationError()
            }
            return change.clock
        }
        let held = VectorClock([.init(replica: "a", counter: 3), .init(replica: "r", counter: 5_000)])
        let first = try edit(held)
        #expect(first == VectorClock([.init(replica: "a", counter: 3), .init(replica: "r", counter: 5_001)]))
        // A second line that was read before the first was there.
        #expect(try edit(held).dominates(first))
        #expect(try edit(VectorClock()).entries.map(\.counter) == [5_003])
        let full = VectorClock([.init(replica: "r", counter: VectorClock.counterMax)])
        #expect(try edit(full) == full)
    }

    @Test("a resolution counts on top of what it supersedes and needs no clock of ours")
    func resolves() throws {
        var stamper = ChangeStamper(replica: "r")
        let made = try change(#"{"kind":"k","id":"x","supersedes":[{"a":1}],"body":1}"#, &stamper)
        #expect(made.clock.isEmpty && made.supersedes.count == 1)
    }

    @Test(
        "a line that is no change is rejected with its code",
        arguments: [
            ("", .badJSON), ("junk", .badJSON), (#"{"kind":"k""#, .badJSON), ("{}", .missingField), ("[1]", .badField),
            (#"{"kind":"k","id":"x"}"#, .missingField), (#"{"kind":"k","id":"","body":1}"#, .badID),
        ] as [(String, ErrorCode)])
    func rejects(text: String, code: ErrorCode) {
        var stamper = ChangeStamper(replica: "r")
        guard case .rejected(let rejection) = stamper.change(line: Array(text.utf8), now: 1) else {
            Issue.record("\(text) is a change")
            return
        }
        #expect(rejection.error == code)
    }
}
