internal import Causality
internal import Foundation
internal import SQLiteStore
internal import Storage

/// The journal on each store: transactions of new records, and pages of the log.
extension Benchmark {
    static var stores: [Benchmark] {
        [StoreKind.memory, .sqlite].flatMap { kind in
            [1, 100, 1_000].map { commit(kind, rows: $0) } + [page(kind, rows: 1_000)]
        }
    }

    enum StoreKind: String, Sendable {
        case memory
        /// On the disk of the temporary folder, durable at every commit.
        case sqlite
    }

    private static let bodyBytes = 600

    /// New records in a transaction. The store grows meanwhile, as a hub's does.
    private static func commit(_ kind: StoreKind, rows: Int) -> Benchmark {
        Benchmark("store/\(kind.rawValue)-commit-\(rows)", .rows, amount: rows) {
            let bench = try StoreOnTrial(kind)
            let bodies = (0..<64).map { Material.change($0, bodyBytes: bodyBytes) }
            var number = 0
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    let changes = (0..<rows).map { index in
                        var change = bodies[index & 63]
                        number += 1
                        change.id = Identifier(unchecked: "note-\(number)")
                        return change
                    }
                    sum &+= try bench.commit(changes)
                }
                return sum
            }
        }
    }

    private static func page(_ kind: StoreKind, rows: Int) -> Benchmark {
        Benchmark("store/\(kind.rawValue)-page-\(rows)", .rows, amount: rows) {
            let bench = try StoreOnTrial(kind)
            let pages = 10
            var starts = [Position.start]
            for page in 0..<pages {
                let changes = (0..<rows).map { Material.change(page * rows + $0, bodyBytes: bodyBytes) }
                _ = try bench.commit(changes)
                starts.append(try bench.store.head(of: Material.space))
            }
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    let query = PageQuery(
                        space: Material.space, after: starts[index % pages], limit: rows, bytesMax: 64 << 20)
                    sum &+= try bench.store.page(query).entries.count
                }
                return sum
            }
        }
    }
}

/// A store in a folder of its own, which goes with it.
final class StoreOnTrial {
    let store: any Store
    private let journal: Journal
    private let folder: String?

    init(_ kind: Benchmark.StoreKind) throws {
        switch kind {
        case .memory:
            folder = nil
            store = MemoryStore(generation: Generation(42))
        case .sqlite:
            let path = FileManager.default.temporaryDirectory.path + "/carillon-bench-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            folder = path
            store = try SQLiteStore(path: path + "/bench.db")
        }
        journal = Journal(store: store)
    }

    deinit { if let folder { try? FileManager.default.removeItem(atPath: folder) } }

    /// Returns how many were accepted.
    func commit(_ changes: [Change]) throws -> Int {
        let submission = Submission(
            space: Material.space, author: Material.device, replica: Material.replica, changes: changes)
        let receipt = try journal.commit([submission], now: Position(1_790_000_000_000_000))
        return receipt.batches.reduce(0) { $0 + $1.entries.count }
    }
}
