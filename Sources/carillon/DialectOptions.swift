internal import ArgumentParser
internal import ClaudeMemoryDialect
internal import ContextFSDialect
internal import Foundation
internal import Hub
internal import WatermelonDBDialect

/// Which foreign protocols a hub speaks, and where.
struct DialectOptions: ParsableArguments {
    static let names = ["contextfs", "claude-memory", "watermelondb"]

    @Option(
        help: ArgumentHelp(
            "The foreign protocols to speak, by commas; none: only the hub's own. All unless told: "
                + "\(names.joined(separator: ",")).",
            valueName: "names"),
        completion: .list(names + ["none"]))
    var dialects = names.joined(separator: ",")
    @Option(
        help: ArgumentHelp(
            "Puts a dialect's paths behind a prefix, as contextfs=/ctx. May be given for each.",
            valueName: "dialect=/path"))
    var dialectPrefix: [String] = []
    @Option(
        help: ArgumentHelp(
            "A site whose pages may use the dialects from a browser, as https://app.example.org. May be given for each.",
            valueName: "URL"))
    var dialectOrigin: [String] = []
    @Option(
        help: ArgumentHelp(
            "The longest push of a ContextFS client, in MiB. What is over 1 MiB waits in the data folder.",
            valueName: "MiB"))
    var pushMaxMb = 512
    @Flag(
        inversion: .prefixedNo,
        help: "Whether credentials in what claude-memory clients store are replaced by [REDACTED:type].")
    var redaction = true

    /// A push of everything somebody has; more is no push.
    private static let pushMaxMbMax = 4_096

    func validate() throws {
        guard (1...DialectOptions.pushMaxMbMax).contains(pushMaxMb) else {
            throw ValidationError("--push-max-mb is a number from 1 to \(DialectOptions.pushMaxMbMax).")
        }
        _ = try mounted()
        _ = try origins()
    }

    /// - Throws: a `ValidationError` where a name is unknown, a prefix is none, or two paths meet.
    func mounted() throws -> [MountedDialect] {
        let wanted = try wanted()
        let prefixes = try prefixes(of: wanted)
        let mounted = wanted.map {
            MountedDialect(dialect($0), prefix: prefixes[$0] ?? "")
        }
        do throws(DialectMountError) {
            try MountedDialect.check(mounted)
        } catch {
            throw ValidationError("\(error.sentence), as --dialect-prefix contextfs=/ctx does.")
        }
        return mounted
    }

    /// The sites, each as a browser says it: in small letters, with no path behind.
    ///
    /// - Throws: a `ValidationError` where one is none.
    func origins() throws -> [String] {
        try SiteName.parse(dialectOrigin, option: "--dialect-origin")
    }

    private func wanted() throws -> [String] {
        if dialects == "none" { return [] }
        var wanted: [String] = []
        for part in dialects.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(part)
            guard DialectOptions.names.contains(name) else {
                let known = DialectOptions.names.joined(separator: ", ")
                throw ValidationError("There is no dialect \"\(name)\". There are: \(known); or none.")
            }
            if !wanted.contains(name) { wanted.append(name) }
        }
        return wanted
    }

    private func prefixes(of wanted: [String]) throws -> [String: String] {
        var prefixes: [String: String] = [:]
        for text in dialectPrefix {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, DialectOptions.isPrefix(parts[1]) else {
                throw ValidationError("--dialect-prefix is DIALECT=/path, and not \"\(text)\".")
            }
            guard wanted.contains(parts[0]), prefixes[parts[0]] == nil else {
                throw ValidationError(
                    "--dialect-prefix names \"\(parts[0])\", which is not spoken or has a prefix already.")
            }
            prefixes[parts[0]] = parts[1]
        }
        return prefixes
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Segments of letters, digits and `-._~` (RFC 3986 2.3), which no client encodes.
    private static func isPrefix(_ text: String) -> Bool {
        guard text.hasPrefix("/"), text.utf8.count <= 128 else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.utf8.allSatisfy { isLetterOrDigit($0) || "-._~".utf8.contains($0) }
        }
    }

    private func dialect(_ name: String) -> any Dialect {
        switch name {
        case "claude-memory": return ClaudeMemoryDialect(redacts: redaction)
        case "watermelondb": return WatermelonDBDialect()
        default:
            var limits = ContextFSLimits()
            limits.pushBytesMax = pushMaxMb << 20
            return ContextFSDialect(limits: limits)
        }
    }
}
