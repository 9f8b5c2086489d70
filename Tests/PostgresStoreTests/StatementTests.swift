import Foundation
import Testing

/// Reads the SQL of the module out of its source.
@Suite("Statements")
struct StatementTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/PostgresStore")
    /// The first column of their keys is a space.
    private static let tables = ["versions", "history", "answers", "devices", "notes", "spaces"]

    /// Every string literal that begins as a statement does, with where it stands.
    static func statements() throws -> [(place: String, sql: String)] {
        let literal = try Regex(#"\"\"\"\n(?<long>[\s\S]*?)\"\"\"|\"(?<short>(?:[^\"\\\n]|\\.)*)\""#)
        let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "COPY", "MERGE", "TRUNCATE", "LOCK"]
        var found: [(String, String)] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            for match in text.matches(of: literal) {
                let sql = (match["long"]?.substring ?? match["short"]?.substring ?? "")
                    .split(whereSeparator: \.isWhitespace).joined(separator: " ")
                guard let verb = sql.split(separator: " ").first, verbs.contains(String(verb)) else { continue }
                found.append((file, sql))
            }
        }
        return found
    }

    @Test("on a space's tables name the space")
    func statementsNameTheirSpace() throws {
        let statements = try StatementTests.statements()
        #expect(statements.count > 20)
        var touching = 0
        for (place, sql) in statements {
            let words = sql.split { !$0.isLetter && $0 != "_" }.map(String.init)
            // A table, and not the view's or a function's word: it follows one of these.
            let isTouching = zip(words, words.dropFirst()).contains {
                ["FROM", "JOIN", "INTO", "UPDATE", "USING"].contains($0) && StatementTests.tables.contains($1)
            }
            guard isTouching else { continue }
            touching += 1
            let conditions = sql.matches(of: #/(?:[ .(]space *[=>]|[ .(]space IN|INTO \w+ \((?:space|\\\(columns))/#)
            #expect(!conditions.isEmpty, "\(place): \(sql)")
        }
        #expect(touching > 10)
    }

    @Test("are nowhere put together from values")
    func statementsHoldNoValues() throws {
        for (place, sql) in try StatementTests.statements() {
            for match in sql.matches(of: #/\\\((?<what>[^)]*)\)/#) {
                let what = String(match.what)
                let isConstant =
                    what.hasPrefix("VersionRow.") || what.hasPrefix("ChangeRow.")
                    || ["columns", "bareColumns", "system", "timeline", "database", "moved"].contains(what)
                #expect(isConstant, "\(place): \(sql)")
            }
        }
    }
}
