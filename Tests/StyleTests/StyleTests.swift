import Foundation
import Testing

/// What the compiler does not check of how this code is to be: who imports whom, banned text, file lengths.
@Suite("Style")
struct StyleTests {
    /// The rooms and whom they may know. A pure target never gains a socket, a clock or a random source.
    static let imports: [String: Set<String>] = [
        "Cryptography": ["COpenSSL"],
        "Causality": [],
        "Wire": ["Causality", "Cryptography", "Storage"],
        // Glibc is here for memchr and memcpy.
        "HTTP": ["Glibc", "HTTPTypes"],
        "Compression": ["CZlib"],
        "WebSocket": ["Compression", "Cryptography", "Glibc", "HTTP", "HTTPTypes"],
        "Reactor": ["CLinux", "COpenSSL", "Dispatch", "Foundation", "Glibc", "Synchronization"],
        "Storage": ["Causality", "Foundation", "Synchronization"],
        "SQLiteStore": [
            "Causality", "Dispatch", "Foundation", "GRDB", "GRDBSQLite", "Glibc", "Storage", "Synchronization",
        ],
        "PostgresStore": ["CPostgres", "Causality", "Dispatch", "Foundation", "Glibc", "Storage"],
        "NATSBus": ["CNats", "Dispatch", "Foundation", "Reactor", "Storage"],
        "Hub": [
            "Causality", "Compression", "Cryptography", "Dispatch", "Foundation", "HTTP", "HTTPTypes", "Logging",
            "Reactor", "Storage", "WebSocket", "Wire",
        ],
        // No dialect knows another, and none has a store or a socket of its own.
        "Dialects": ["Causality", "Cryptography", "Foundation", "HTTP", "HTTPTypes", "Hub", "Storage", "Wire"],
        "CarillonClient": [
            "Causality", "Compression", "Cryptography", "Dispatch", "Foundation", "Glibc", "HTTP", "HTTPTypes",
            "Reactor", "Storage", "WebSocket", "Wire",
        ],
        "Bench": [
            "CPostgres", "Causality", "Cryptography", "Foundation", "Glibc", "HTTP", "PostgresStore", "SQLiteStore",
            "Storage", "WebSocket", "Wire",
        ],
        // The load is a client: it knows neither the hub nor a store.
        "Load": [
            "Causality", "Compression", "Foundation", "Glibc", "HTTP", "Histogram", "Reactor", "WebSocket", "Wire",
        ],
    ]

    /// Files that may say `@unchecked Sendable`; each says why beside it.
    static let uncheckedSendable: Set<String> = [
        "Causality/Change.swift", "PostgresStore/ConnectionPool.swift", "PostgresStore/Guarded.swift",
        "PostgresStore/NotifyListener.swift", "PostgresStore/NotifySender.swift",
        "Reactor/Lock.swift", "SQLiteStore/PolicyCache.swift",
        "Storage/MemoryStore.swift", "Storage/SharedTurns.swift",
    ]
    static let linesMax = 600

    struct SourceFile {
        let path: String
        let target: String
        let lines: [Substring]
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func files() throws -> [SourceFile] {
        let sources = root.appending(path: "Sources")
        let paths = FileManager.default.enumerator(atPath: sources.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".swift") }.map { path in
            let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            let target = String(path.prefix { $0 != "/" })
            return SourceFile(
                path: path, target: target, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        }
    }

    @Test("a target imports only whom it may know")
    func importMatrix() throws {
        let files = try StyleTests.files()
        #expect(files.count > 50)
        for file in files {
            guard let allowed = StyleTests.imports[file.target] else { continue }
            for line in file.lines {
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else { continue }
                let module = String(words[index + 1])
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
            }
        }
    }

    @Test("banned text is nowhere")
    func bannedText() throws {
        // Put together here, so that this file does not hold them.
        let banned = ["try" + "!", "@_exp" + "orted", "FIX" + "ME", "fatalError(\"TO" + "DO"]
        for file in try StyleTests.files() {
            for (number, line) in file.lines.enumerated() {
                for text in banned where line.contains(text) {
                    Issue.record("\(file.path):\(number + 1) holds \(text)")
                }
                if line.contains("@unchecked " + "Sendable"), !StyleTests.uncheckedSendable.contains(file.path) {
                    Issue.record("\(file.path):\(number + 1) is not on the list of @unchecked Sendable")
                }
            }
        }
    }

    @Test("no file outgrows a reader")
    func fileLengths() throws {
        for file in try StyleTests.files() where file.lines.count > StyleTests.linesMax {
            Issue.record("\(file.path) has \(file.lines.count) lines; split it where a topic ends")
        }
    }
}
