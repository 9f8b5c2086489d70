import Foundation
import Testing
import Wire

@Suite struct ErrorTableTests {
    @Test func theTextOfTheProtocolHasTheCodesTables() throws {
        let path = Vectors.folder.deletingLastPathComponent().appendingPathComponent("PROTOCOL.md")
        let lines = Set(try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map(String.init))
        for code in ErrorCode.allCases {
            let close = code.closeCode.map(String.init) ?? "-"
            let row =
                "| `\(code.rawValue)` | \(code.httpStatus) | \(close) | \(code.isRetryable ? "yes" : "no") | "
                + "\(code.isFatal ? "yes" : "no") | \(code.sentence) | \(code.remedy) |"
            #expect(lines.contains(row), "PROTOCOL.md 10 lacks: \(row)")
            if let closeCode = code.closeCode {
                let isAllowed = ErrorCode.mayReconnect(afterClose: closeCode)
                let row = "| \(closeCode) | `\(code.rawValue)` | \(isAllowed ? "yes" : "no") |"
                #expect(lines.contains(row), "PROTOCOL.md 11 lacks: \(row)")
            }
        }
    }

    @Test func everyCloseCodeIsUsedOnceAndInItsRange() {
        let codes = ErrorCode.allCases.compactMap(\.closeCode)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { (4000...4999).contains($0) })
    }
}
