import Causality
import Foundation
import Storage
import Testing
import Wire

@Suite struct ExportTests {
    static func export(_ items: [KeptItem]) throws -> [[UInt8]] {
        var writer = ExportWriter()
        var lines = [writer.header()]
        for item in items { lines.append(try writer.line(of: item)) }
        lines.append(writer.trailer())
        return lines.map { $0.dropLast() }.map(Array.init)
    }

    static func read(_ lines: [[UInt8]]) throws -> [KeptItem] {
        var reader = ExportReader()
        var items: [KeptItem] = []
        for line in lines {
            if let item = try reader.take(line) { items.append(item) }
        }
        if let fault = reader.fault { throw fault }
        return items
    }

    static func entry(body: [UInt8], embedding: [Float]? = nil, id: Identifier = "i\"\u{1f514}") -> KeptItem {
        let change = Change(
            kind: "note", id: id, namespace: "n", clock: VectorClock([.init(replica: "a\\b", counter: 1 << 53)]),
            hash: "h", body: body[...], isDeleted: true, updatedAt: -7, schemaVersion: 9, embedding: embedding,
            writer: "", visibility: .teamRead)
        return .entry(
            LogEntry(
                position: Position(3), author: "", change: change, isSibling: true, reason: .forced, detail: "d\n",
                owner: "u_1", wasShared: true),
            space: "s")
    }

    @Test(
        "what was written reads back the same, byte for byte",
        arguments: [
            "", "{}", "{ \"a\" : 1.0e2 }", " {}", "{}\n", "{\n\"a\":1}", "null", "\"\\ud800\"", "no JSON", "[\"\t\"]",
            "\"\u{e4}\\u0000\"",
        ])
    func roundTrip(_ body: String) throws {
        let items = [ExportTests.entry(body: Array(body.utf8))]
        #expect(try ExportTests.read(try ExportTests.export(items)) == items)
    }

    @Test("bytes that are no text read back the same")
    func bytes() throws {
        for count in 0..<70 {
            let body = (0..<count).map { UInt8(truncatingIfNeeded: 0xff &- $0 &* 37) }
            let items = [ExportTests.entry(body: body)]
            #expect(try ExportTests.read(try ExportTests.export(items)) == items)
        }
    }

    @Test("embeddings keep their bits")
    func embeddings() throws {
        let numbers: [Float] = [0.1, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3]
        let items = [ExportTests.entry(body: [], embedding: numbers)]
        guard case .entry(let entry, _) = try ExportTests.read(try ExportTests.export(items))[0] else { return }
        #expect(entry.change.embedding?.map(\.bitPattern) == numbers.map(\.bitPattern))
        let empty = [ExportTests.entry(body: [], embedding: [])]
        #expect(try ExportTests.read(try ExportTests.export(empty)) == empty)
    }

    @Test("any change of any byte is seen")
    func damage() throws {
        let lines = try ExportTests.export([.life(Generation(1)), ExportTests.entry(body: Array("{\"a\":1}".utf8))])
        #expect(try ExportTests.read(lines).count == 2)
        for (number, line) in lines.enumerated() {
            for index in line.indices {
                var damaged = lines
                damaged[number][index] ^= 0x01
                #expect(throws: Export.Fault.self, "line \(number), byte \(index)") { try ExportTests.read(damaged) }
            }
        }
    }

    @Test("a line that is missing, doubled, swapped or added is seen, and so is a cut")
    func lines() throws {
        let items = [KeptItem.life(Generation(1)), .space("a", head: .start), .space("b", head: .start)]
        let lines = try ExportTests.export(items)
        for index in lines.indices {
            var missing = lines
            missing.remove(at: index)
            #expect(throws: Export.Fault.self) { try ExportTests.read(missing) }
            var doubled = lines
            doubled.insert(lines[index], at: index)
            #expect(throws: Export.Fault.self) { try ExportTests.read(doubled) }
            #expect(throws: Export.Fault.self) { try ExportTests.read(Array(lines[..<index])) }
        }
        var swapped = lines
        swapped.swapAt(2, 3)
        #expect(throws: Export.Fault.self) { try ExportTests.read(swapped) }
        #expect(throws: Export.Fault.self) { try ExportTests.read(lines + [[]]) }
    }

    @Test(
        "what is no line of this format is told as what it is",
        arguments: [
            (#"{"type":"header","format":"carillon-export","version":3}"#, "format 3"),
            (#"{"type":"header","format":"carillon-export","version":0}"#, "format 0"),
            (#"{"type":"header","format":"other","version":1}"#, "no header"), (#"[]"#, "no JSON object"),
            ("", "no JSON object"),
            (#"{"changes":[]}"#, "no header"),
        ])
    func headers(_ line: String, _ sentence: String) {
        var reader = ExportReader()
        do {
            _ = try reader.take(Array(line.utf8))
            Issue.record("it was taken")
        } catch {
            #expect(error.sentence.contains(sentence), "\(error.sentence)")
        }
    }

    @Test(
        "a bad field is told by its name",
        arguments: [
            (#"{"type":"bell"}"#, "\"bell\""), (#"{"type":"life","generation":"x"}"#, "generation"),
            (#"{"type":"user","id":"1"}"#, "name"), (#"{"type":"user","id":"1","name":"a\u0000"}"#, "name"),
            (#"{"type":"user","id":"1","id":"2","name":"a"}"#, "twice"),
            (#"{"type":"policy","kind":"k","policy":"vote","rule":""}"#, "policy"),
            (#"{"type":"space","space":"s","head":-1}"#, "head"), (#"{"type":"space","space":"s","head":1e3}"#, "head"),
            (#"{"type":"key","prefix":"p","user":"1","secret_hash":"00","label":"","created_at":1}"#, "secret_hash"),
            (#"{"type":"entry","space":"s","position":1,"author":"","reason":"because"}"#, "reason"),
            (#"{"type":"entry","space":"s","position":9007199254740993,"author":"","reason":"newer"}"#, "position"),
            (#"{"type":"header","format":"carillon-export","version":1}"#, "second header"),
            (#"{"type":"user","id":"1","name":"a","tier":"t","device_limit":-2,"record_limit":1}"#, "device_limit"),
            (#"{"type":"user","id":"1","name":"a","tier":"t"}"#, "device_limit"),
            (#"{"type":"note","user":"1","device":"d","name":"n","note":"!"}"#, "note"),
            (#"{"type":"note","user":"1","device":"d","name":"n"}"#, "note"),
            (#"{"type":"member","team":"t","user":"1","role":"king"}"#, "role"),
            (#"{"type":"space","space":"s","head":1"#, "byte"), ("\u{fe}", "no JSON object"),
        ])
    func fields(_ line: String, _ word: String) throws {
        var writer = ExportWriter()
        var reader = ExportReader()
        _ = try reader.take(writer.header().dropLast())
        do {
            _ = try reader.take(Array(line.utf8))
            Issue.record("it was taken")
        } catch {
            #expect(error.sentence.contains(word), "\(error.sentence)")
        }
    }

    @Test("random bytes never trap")
    func noise() throws {
        var random = SystemRandomNumberGenerator()
        let lines = try ExportTests.export([ExportTests.entry(body: [1, 2, 3], embedding: [1, 2])])
        for _ in 0..<2_000 {
            var line = lines[1]
            for _ in 0..<3 { line[Int.random(in: line.indices, using: &random)] = UInt8.random(in: 0...255) }
            var reader = ExportReader()
            _ = try reader.take(lines[0])
            _ = try? reader.take(line)
        }
    }
}

@Suite struct ExportVectorTests {
    private func lines(_ name: String) throws -> [[UInt8]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Protocol/vectors/\(name)")
        return try [UInt8](Data(contentsOf: file)).split(separator: UInt8(ascii: "\n")).map(Array.init)
    }

    @Test("the vector is read, and written again byte for byte")
    func vector() throws {
        let lines = try lines("export.ndjson")
        let items = try ExportTests.read(lines)
        #expect(items.count == lines.count - 2)
        #expect(try ExportTests.export(items) == lines)
    }

    @Test("an export of the format 1 is read: its users have no limits and no teams")
    func olderVector() throws {
        let items = try ExportTests.read(try lines("export-1.ndjson"))
        #expect(items.contains(.user(User(id: "u_1", name: "ada"), passwordHash: nil)))
        #expect(items.count == 11)
    }
}
