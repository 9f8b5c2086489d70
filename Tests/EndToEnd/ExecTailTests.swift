import Foundation
import Glibc
import Testing

/// `tail --exec`: a command per change, each at least once, in order.
@Suite("tail --exec", .serialized, .timeLimit(.minutes(5)))
struct ExecTailTests {
    /// A hub with changes, and a folder in which commands write.
    private func hub(ids: [String], body: String = "1") throws -> HubProcess {
        let hub = try HubProcess()
        let file = hub.folder.appending(path: "push.ndjson")
        let lines = ids.map { #"{"kind":"note","id":"\#($0)","body":\#(body)}"# }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        let push = try hub.run(["push", "--device", "laptop", "--batch", "7", file.path])
        #expect(push.exitStatus() == 0, "\(push.errorText)")
        return hub
    }

    private func run(_ hub: HubProcess, _ command: String, _ more: [String] = ["--until-synced"]) throws -> Program {
        try hub.run(["tail", "--device", "worker", "--exec", "cd \(hub.folder.path) && \(command)"] + more)
    }

    private func lines(_ hub: HubProcess, _ name: String = "ran") -> [String] {
        let text = (try? String(contentsOf: hub.folder.appending(path: name), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private func exists(_ hub: HubProcess, _ name: String) -> Bool {
        FileManager.default.fileExists(atPath: hub.folder.appending(path: name).path)
    }

    @Test("a command gets the change on its input and its names in its environment")
    func surroundings() throws {
        let hub = try hub(ids: ["a b"], body: #"{"x": 1.50}"#)
        let gone = hub.folder.appending(path: "gone.ndjson")
        try Data(#"{"kind":"note","id":"gone","deleted":true}"#.utf8).write(to: gone)
        #expect(try hub.run(["push", "--device", "laptop", gone.path]).exitStatus() == 0)
        let tail = try run(
            hub,
            #"cat >> in; echo "$CARILLON_KIND|$CARILLON_ID|$CARILLON_DELETED|$CARILLON_ATTEMPT|$CARILLON_POSITION" >> ran"#
        )
        #expect(tail.exitStatus() == 0, "\(tail.errorText)")
        let input = lines(hub, "in")
        #expect(input.count == 2)
        #expect(input[0].contains(#""body":{"x": 1.50}"#))
        let object = try JSONSerialization.jsonObject(with: Data(input[0].utf8)) as? [String: Any]
        let position = try #require(object?["position"] as? Int)
        #expect(lines(hub)[0] == "note|a b|0|1|\(position)")
        #expect(lines(hub)[1].hasPrefix("note|gone|1|1|"))
    }

    @Test("after kill -9 in the middle every change has run at least once, in order")
    func killNine() throws {
        let ids = (0..<150).map { "n\($0)" }
        let hub = try hub(ids: ids)
        let command = "cat > /dev/null; sleep 0.005; echo $CARILLON_ID >> ran"
        for share in [20, 60, 110] {
            let tail = try run(hub, command, [])
            #expect(tail.wait { _ in lines(hub).count >= share })
            tail.signal(SIGKILL)
            _ = tail.exitStatus()
        }
        let last = try run(hub, command)
        #expect(last.exitStatus() == 0, "\(last.errorText)")
        var firsts: [String] = []
        for id in lines(hub) where !firsts.contains(id) { firsts.append(id) }
        #expect(firsts == ids)
        #expect(lines(hub).last == "n149")
    }

    @Test("a command that fails is run again, then ends the tail before its change; mended, it goes on there")
    func failure() throws {
        let hub = try hub(ids: ["a", "b", "c", "d"])
        let command = "echo $CARILLON_ID $CARILLON_ATTEMPT >> tried; [ $CARILLON_ID != c ] || [ -e mended ] || exit 7"
        let tail = try run(hub, command, ["--retries", "1"])
        #expect(tail.exitStatus() == 70)
        #expect(tail.errorText.contains("note/c: exit code 7"))
        #expect(lines(hub, "tried") == ["a 1", "b 1", "c 1", "c 2"])
        try Data().write(to: hub.folder.appending(path: "mended"))
        let second = try run(hub, command)
        #expect(second.exitStatus() == 0, "\(second.errorText)")
        #expect(lines(hub, "tried") == ["a 1", "b 1", "c 1", "c 2", "c 1", "d 1"])
        let killed = try run(hub, "kill -9 $$", ["--retries", "0", "--from-start"])
        #expect(killed.exitStatus() == 70)
        #expect(killed.errorText.contains("signal 9"))
    }

    /// Each of the two waits for the other: one by one they would never end.
    @Test("several jobs run at once, and a record's changes in their order")
    func parallel() throws {
        let ids = ["x", "y"]
        let hub = try hub(ids: ids)
        let tail = try run(
            hub, "touch $CARILLON_ID; until [ -e x ] && [ -e y ]; do sleep 0.01; done; echo $CARILLON_ID >> ran",
            ["--jobs", "2", "--count", "2"])
        #expect(tail.exitStatus(seconds: 30) == 0, "\(tail.errorText)")
        #expect(lines(hub).sorted() == ids)
        // Live, each round of edits stays behind the one before it, record by record.
        let names = ["p", "q", "r", "s"]
        let live = try run(
            hub, #"echo $CARILLON_POSITION >> $CARILLON_ID.order; cat > $CARILLON_ID.last"#, ["--jobs", "4"])
        let file = hub.folder.appending(path: "rounds.ndjson")
        let edits = (1...8).flatMap { round in names.map { #"{"kind":"note","id":"\#($0)","body":\#(round)}"# } }
        try Data(edits.joined(separator: "\n").utf8).write(to: file)
        #expect(try hub.run(["push", "--device", "laptop", "--batch", "1", file.path]).exitStatus() == 0)
        let isDone = live.wait { _ in
            names.allSatisfy { lines(hub, "\($0).last").first?.contains(#""body":8"#) == true }
        }
        #expect(isDone, "\(live.errorText)")
        live.signal(SIGTERM)
        #expect(live.exitStatus() == 0)
        for name in names {
            let positions = lines(hub, "\(name).order").compactMap { Int($0) }
            #expect(positions == positions.sorted())
        }
    }

    @Test("--count ends the tail behind so many changes, and the next one begins there")
    func counts() throws {
        let hub = try hub(ids: ["a", "b", "c", "d", "e"])
        for expected in [["a", "b"], ["a", "b", "c", "d"]] {
            let tail = try run(hub, "echo $CARILLON_ID >> ran", ["--count", "2", "--jobs", "1"])
            #expect(tail.exitStatus(seconds: 30) == 0, "\(tail.errorText)")
            #expect(lines(hub) == expected)
        }
    }

    @Test("SIGTERM waits for the command that runs, and the next tail begins behind it")
    func stops() throws {
        let hub = try hub(ids: ["a", "b", "c"])
        let command = "touch started; until [ -e go ]; do sleep 0.01; done; echo $CARILLON_ID >> ran"
        let tail = try run(hub, command, [])
        #expect(tail.wait { _ in exists(hub, "started") })
        tail.signal(SIGTERM)
        #expect(tail.wait { $0.errorText.contains("Waiting for the command") })
        #expect(lines(hub).isEmpty)
        try Data().write(to: hub.folder.appending(path: "go"))
        #expect(tail.exitStatus() == 0, "\(tail.errorText)")
        #expect(lines(hub) == ["a"])
        #expect(try run(hub, command).exitStatus() == 0)
        #expect(lines(hub) == ["a", "b", "c"])
    }

    @Test("a second signal ends the commands that run, and the tail")
    func stopsAtOnce() throws {
        let hub = try hub(ids: ["a"])
        let tail = try run(hub, "echo $$ > started; exec sleep 600", [])
        #expect(tail.wait { _ in !lines(hub, "started").isEmpty })
        let command = try #require(Int32(lines(hub, "started").first ?? ""))
        tail.signal(SIGINT)
        #expect(tail.wait { $0.errorText.contains("Waiting for the command") })
        tail.signal(SIGINT)
        #expect(tail.exitStatus(seconds: 5) == 130)
        let isGone = tail.wait(seconds: 5) { _ in kill(command, 0) != 0 }
        #expect(isGone)
        kill(command, SIGKILL)
    }

    @Test("bodies of the largest size reach a command that reads them, and hold up none that does not")
    func large() throws {
        let body = "\"" + String(repeating: "x", count: (4 << 20) - 2) + "\""
        let hub = try hub(ids: ["a", "b"], body: body)
        let tail = try run(hub, "if [ $CARILLON_ID = a ]; then wc -c >> ran; else echo unread >> ran; fi")
        #expect(tail.exitStatus() == 0, "\(tail.errorText)")
        #expect(lines(hub).count == 2)
        #expect(Int(lines(hub)[0].trimmingCharacters(in: .whitespaces)) ?? 0 > 4 << 20)
        #expect(lines(hub)[1] == "unread")
    }

    /// More than the schedule holds, so that reading stops and goes on.
    @Test("thousands of commands leave no descriptor, no zombie and no thread behind")
    func leavesNothing() throws {
        let hub = try hub(ids: (0..<2_500).map { "n\($0)" })
        let tail = try run(hub, "[ $CARILLON_ID != n2499 ] || echo last > ran", ["--jobs", "4"])
        #expect(tail.wait(seconds: 120) { _ in !lines(hub).isEmpty })
        let process = tail.process.processIdentifier
        let isQuiet = tail.wait(seconds: 10) { _ in ExecTailTests.children(of: process).isEmpty }
        #expect(isQuiet, "\(ExecTailTests.children(of: process))")
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
        #expect(files.count < 24, "\(files.count) descriptors")
        let hasFewThreads = tail.wait(seconds: 10) { _ in
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").count) ?? 99 < 16
        }
        #expect(hasFewThreads)
        tail.signal(SIGTERM)
        #expect(tail.exitStatus() == 0)
    }

    @Test("a tail whose command takes its time holds a bounded part of what waits for it")
    func holdsLittle() throws {
        let body = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        let hub = try hub(ids: (0..<150).map { "n\($0)" }, body: body)
        let tail = try run(hub, "touch started; until [ -e go ]; do sleep 0.02; done; echo $CARILLON_ID >> ran")
        #expect(tail.wait { _ in exists(hub, "started") })
        let status = "/proc/\(tail.process.processIdentifier)/status"
        var last = -1
        // Until it reads no more.
        let isStill = tail.wait(seconds: 20) { _ in
            let now = ExecTailTests.residentKilobytes(status)
            Thread.sleep(forTimeInterval: 0.3)
            defer { last = now }
            return now == last
        }
        #expect(isStill)
        #expect(last < 120_000, "\(last) kB")
        try Data().write(to: hub.folder.appending(path: "go"))
        #expect(tail.exitStatus() == 0, "\(tail.errorText)")
        #expect(lines(hub).count == 150)
    }

    private static func residentKilobytes(_ path: String) -> Int {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? -1
    }

    /// Of /proc/PID/stat behind the name in brackets: the state, the parent.
    private static func children(of process: pid_t) -> [String] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.filter { Int($0) != nil }.filter { name in
            let text = (try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8)) ?? ""
            guard let end = text.lastIndex(of: ")") else { return false }
            let fields = text[text.index(after: end)...].split(separator: " ")
            return fields.count > 1 && fields[1] == "\(process)"
        }
    }
}
