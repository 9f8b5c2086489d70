import CarillonClient
import Causality
import Foundation
import Storage
import Testing
import Wire

@Suite("A tail's state file")
struct StateFileTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("carillon-\(UUID().uuidString)")

    private func cursor(_ position: Int64) -> Cursor {
        Cursor(generation: Generation(1), spaceTag: 7, position: Position(position))
    }

    @Test("keeps the last cursor, in folders it makes, and leaves no draft behind")
    func keeps() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = StateFile(path: folder.appendingPathComponent("deep/state.json").path)
        #expect(try file.load() == nil)
        for position in 1...50 as ClosedRange<Int64> { try file.save(cursor(position)) }
        #expect(try file.load() == cursor(50))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("deep").path)
        #expect(names == ["state.json"])
    }

    @Test("readers beside a writer see the old cursor or the new one, never half of one")
    func isAtomic() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = StateFile(path: folder.appendingPathComponent("state.json").path)
        try file.save(cursor(1))
        let writer = Task.detached {
            for position in 1...500 as ClosedRange<Int64> { try file.save(cursor(position)) }
        }
        var last: Int64 = 0
        for _ in 0..<2_000 {
            let seen = try #require(try file.load()).position.microseconds
            #expect(seen >= last)
            last = seen
        }
        try await writer.value
    }

    @Test("a damaged file is an error, not a beginning")
    func tellsDamage() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("state.json")
        try Data("{\"cursor\":\"c1.x\"}".utf8).write(to: path)
        #expect(throws: StateFile.Failure.self) { try StateFile(path: path.path).load() }
    }
}
