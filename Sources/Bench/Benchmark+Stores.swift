internal import Causality
internal import Foundation
internal import PostgresStore
internal import SQLiteStore
internal import Storage

/// The journal on each store: transactions of new records, and pages of the log.
extension Benchmark {
    static var stores: [Benchmark] {
        [StoreKind.memory, .sqlite].flatMap(journal)
    }

    /// The journal on a Postgres, in schemas of their own that go with them, and beside it the bare insertion of the
    /// same rows into the same columns: what the server and its disk can do.
    ///
    /// - Parameter conninfo: a `postgres://` URL, or empty for the PG* variables. The role may create schemas there.
    public static func postgres(conninfo: String) -> [Benchmark] {
        journal(.postgres(conninfo: conninfo)) + [bareInsertion(conninfo, rows: 1_000)]
    }

    private static func journal(_ kind: StoreKind) -> [Benchmark] {
        [1, 100, 1_000].map { commit(kind, rows: $0) } + [page(kind, rows: 1_000)]
    }

    enum StoreKind: Sendable {
        case memory
        /// On the disk of the temporary folder, durable at every commit.
        case sqlite
        case postgres(conninfo: String)

        var name: String {
            switch self {
            case .memory: "memory"
            case .sqlite: "sqlite"
            case .postgres: "postgres"
            }
        }
    }

    private static let bodyBytes = 600

    /// New records in a transaction. The store grows meanwhile, as a hub's does.
    private static func commit(_ kind: StoreKind, rows: Int) -> Benchmark {
        Benchmark("store/\(kind.name)-commit-\(rows)", .rows, amount: rows) {
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

    private static func bareInsertion(_ conninfo: String, rows: Int) -> Benchmark {
        Benchmark("store/postgres-bare-\(rows)", .rows, amount: rows) {
            let schema = try ScratchSchema(conninfo)
            // Makes the tables.
            _ = try PostgresStore(conninfo: schema.conninfo)
            let insertion = try BareInsertion(schema, rows: rows, bodyBytes: bodyBytes)
            return { operations in
                for _ in 0..<operations { try insertion.run() }
                return operations
            }
        }
    }

    private static func page(_ kind: StoreKind, rows: Int) -> Benchmark {
        Benchmark("store/\(kind.name)-page-\(rows)", .rows, amount: rows) {
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
    private var folder: String?
    private var schema: ScratchSchema?

    init(_ kind: Benchmark.StoreKind) throws {
        switch kind {
        case .memory:
            store = MemoryStore(generation: Generation(42))
        case .sqlite:
            let path = FileManager.default.temporaryDirectory.path + "/carillon-bench-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            folder = path
            store = try SQLiteStore(path: path + "/bench.db")
        case .postgres(let conninfo):
            let made = try ScratchSchema(conninfo)
            schema = made
            store = try PostgresStore(conninfo: made.conninfo)
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
