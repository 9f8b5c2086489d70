internal import ArgumentParser
internal import Foundation

/// Sites on the command line, each as a browser says it in `Origin`: in small letters, with no path behind.
enum SiteName {
    /// Sites of an app and of those who work on it.
    private static let countMax = 64

    /// - Parameter takesAny: whether `*` may stand for every site.
    /// - Throws: a `ValidationError` where one is none, or they are too many.
    static func parse(_ texts: [String], option: String, takesAny: Bool = false) throws -> [String] {
        guard texts.count <= countMax else {
            throw ValidationError("\(option) is given at most \(countMax) times.")
        }
        return try texts.map { text in
            guard takesAny && text == "*" || isOrigin(text) else {
                throw ValidationError(
                    "\(option) is a scheme, a host and a port where it has one, as https://app.example.org or "
                        + "http://localhost:3000, and not \"\(text)\".")
            }
            return text.lowercased()
        }
    }

    /// RFC 6454 6.2.
    private static func isOrigin(_ text: String) -> Bool {
        guard text.utf8.count <= 255, let mark = text.range(of: "://") else { return false }
        let (scheme, host) = (text[..<mark.lowerBound], text[mark.upperBound...])
        return !host.isEmpty && scheme.utf8.first.map { $0 | 0x20 >= UInt8(ascii: "a") } == true
            && scheme.utf8.allSatisfy { isLetterOrDigit($0) || "+-.".utf8.contains($0) }
            && host.utf8.allSatisfy { isLetterOrDigit($0) || "-._:[]".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
