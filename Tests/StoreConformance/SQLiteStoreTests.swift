import Causality
import Foundation
import GRDB
import SQLiteStore
import Storage
import Testing

@Suite struct SQLiteStoreTests {
    @Test func reopeningKeepsGenerationAndData() throws {
        let path = temporaryPath()
        var store: SQLiteStore? = try SQLiteStore(path: path)
        let generation = store?.generation
        try store?.append([entry(1, "a")])
        store = nil
        let again = try SQLiteStore(path: path)
        #expect(again.generation == generation)
        #expect(try again.all() == [entry(1, "a")])
        #expect(try SQLiteStore(path: temporaryPath()).generation != generation)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }

    @Test func twoStoresOnOneFileWriteInTurn() throws {
        let path = temporaryPath()
        let stores = [try SQLiteStore(path: path), try SQLiteStore(path: path)]
        #expect(stores[0].generation == stores[1].generation)
        DispatchQueue.concurrentPerform(iterations: 2) { writer in
            for round in 0..<50 {
                do {
                    let change = entry(1, "\(writer)-\(round)").change
                    let submission = Submission(space: "s", author: "d", replica: "d", changes: [change])
                    _ = try Journal(store: stores[writer]).commit([submission], now: .start)
                } catch {
                    Issue.record(error)
                }
            }
        }
        for store in stores { #expect(try store.all().map(\.position.microseconds) == Array(1...100)) }
    }

    @Test func aFullDiskIsToldAndLosesNothing() throws {
        var configuration = SQLiteStore.Configuration()
        configuration.pageCountMax = 40
        let path = temporaryPath()
        let store = try SQLiteStore(path: path, configuration: configuration)
        let body = [UInt8](repeating: 0x20, count: 20_000)
        var written: [LogEntry] = []
        var refusal: StoreError?
        while refusal == nil, written.count < 100 {
            let position = Int64(written.count) + 1
            do {
                try store.append([entry(position, "\(position)", body: body)])
                written.append(entry(position, "\(position)", body: body))
            } catch let error as StoreError {
                refusal = error
            }
        }
        guard case .full = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(written.count > 3)
        #expect(try store.all() == written)
        #expect(try store.head(of: "s") == written.last?.position)
        let larger = try SQLiteStore(path: path)
        try larger.append([entry(500, "z")])
        #expect(try larger.all() == written + [entry(500, "z")])
    }

    @Test func aNewerSchemaIsRefused() throws {
        let path = temporaryPath()
        _ = try SQLiteStore(path: path)
        try DatabaseQueue(path: path).write { try $0.execute(sql: "PRAGMA user_version = 99") }
        #expect(throws: StoreError.newerSchema(found: 99, supported: 2)) { try SQLiteStore(path: path) }
    }

    @Test func whatIsNotOursIsRefused() throws {
        let path = temporaryPath()
        _ = try SQLiteStore(path: path)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let text = folder.appendingPathComponent("text.db")
        try Data(repeating: 0x41, count: 9_000).write(to: text)
        let other = folder.appendingPathComponent("other.db")
        try DatabaseQueue(path: other.path).write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
        for url in [text, other] {
            do {
                _ = try SQLiteStore(path: url.path)
                Issue.record("opened \(url.lastPathComponent)")
            } catch {
                guard case .corrupt = error else {
                    Issue.record(error)
                    continue
                }
            }
        }
    }
}
