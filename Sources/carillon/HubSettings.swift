internal import CarillonClient
internal import Causality
internal import Foundation
internal import Reactor

/// Which hub, and who asks: of the options, the environment, the configuration file and the defaults, in this order.
struct HubSettings {
    /// A value, and where it comes from, for those who wonder.
    struct Sourced {
        let text: String
        let source: String
    }

    let url: Sourced?
    let key: Sourced?
    let device: Sourced?
    let ca: Sourced?
    /// One or more, with commas between them.
    let pin: Sourced?
    let cert: Sourced?
    let certKey: Sourced?
    let profile: String?
    let path: String
    let fileExists: Bool

    private static let wasWarned = Guarded(false)

    init(_ options: HubOptions) throws {
        let named = options.config ?? Environment.value("CARILLON_CONFIG")
        let path = named ?? HubSettings.standardPath
        self.path = path
        let profile = options.profile ?? Environment.value("CARILLON_PROFILE")
        self.profile = profile
        let file = try HubSettings.load(path, mustExist: named != nil)
        fileExists = file != nil
        guard let values = (file ?? HubSettings.emptyFile).flatMap({ $0.values(profile: profile) }) else {
            let known = file?.profiles.keys.sorted().joined(separator: ", ") ?? ""
            throw CommandFailure(
                .usage, "There is no profile \(profile ?? "") in \(path).",
                remedy: known.isEmpty ? "Write a table [profile.NAME] into it." : "There are: \(known).")
        }
        url = HubSettings.first(options.url, "--url", "CARILLON_URL", values.url, path)
        key = HubSettings.first(options.key, "--key", "CARILLON_KEY", values.key, path)
        device = HubSettings.first(nil, "--device", "CARILLON_DEVICE", values.device, path)
        ca = HubSettings.first(options.ca, "--ca", "CARILLON_CA", values.ca, path)
        let pins = options.pin.isEmpty ? nil : options.pin.joined(separator: ",")
        pin = HubSettings.first(pins, "--pin", "CARILLON_PIN", values.pin, path)
        cert = HubSettings.first(options.cert, "--cert", "CARILLON_CERT", values.cert, path)
        certKey = HubSettings.first(options.certKey, "--cert-key", "CARILLON_CERT_KEY", values.certKey, path)
        if file != nil { HubSettings.warnOfReaders(path, holdsKey: file?.holdsKey ?? false) }
    }

    static var standardPath: String {
        Environment.folder("XDG_CONFIG_HOME", inHome: ".config") + "/carillon/config.toml"
    }

    /// For a shell's completion: of the file that the command line names so far.
    static func profileNames(_ words: [String]) -> [String] {
        let option = words.lastIndex(of: "--config").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        let file = try? load(option ?? Environment.value("CARILLON_CONFIG") ?? standardPath, mustExist: false)
        return file?.profiles.keys.sorted() ?? []
    }

    func hubURL() throws -> HubURL {
        guard let url else { return .standard }
        do throws(HubURLError) {
            return try HubURL(parsing: url.text)
        } catch {
            throw CommandFailure(
                .usage, "\"\(url.text)\" is no hub's URL: \(error.sentence).", remedy: "It comes from \(url.source).")
        }
    }

    func apiKey() throws -> String {
        guard let key else {
            throw CommandFailure(
                .usage, "There is no API key.",
                remedy: "Pass --key, set CARILLON_KEY or write key = \"…\" into \(path); "
                    + "`carillon key create USER` makes one.")
        }
        // It becomes a header field.
        guard !key.text.isEmpty, key.text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw CommandFailure(
                .usage, "The API key holds characters that no key has.", remedy: "It comes from \(key.source).")
        }
        return key.text
    }

    /// - Parameter asked: of the command's own `--device`.
    func deviceName(_ asked: Identifier?) throws -> Identifier {
        if let asked { return asked }
        guard let device else {
            throw CommandFailure(
                .usage, "There is no device name.",
                remedy: "Pass --device NAME, set CARILLON_DEVICE or write device = \"NAME\" into \(path).")
        }
        do throws(IdentifierError) {
            return try Identifier(device.text)
        } catch {
            throw CommandFailure(
                .usage, "\"\(device.text)\" cannot be a device: \(error.sentence).",
                remedy: "It comes from \(device.source).")
        }
    }

    private static func first(
        _ option: String?, _ optionName: String, _ variable: String, _ filed: String?, _ path: String
    ) -> Sourced? {
        if let option { return Sourced(text: option, source: optionName) }
        if let text = Environment.value(variable) { return Sourced(text: text, source: variable) }
        return filed.map { Sourced(text: $0, source: path) }
    }

    private static var emptyFile: ConfigurationFile? { try? ConfigurationFile(parsing: "") }

    /// Nil where there is none and none was named.
    private static func load(_ path: String, mustExist: Bool) throws -> ConfigurationFile? {
        guard mustExist || FileManager.default.fileExists(atPath: path) else { return nil }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(
                .inputOutput, "Cannot read the configuration \(path).",
                remedy: "See that it is there and yours, or name another with --config.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.badInput, "The configuration \(path) is not UTF-8.", remedy: "Save it as UTF-8.")
        }
        do throws(ConfigurationFile.Problem) {
            return try ConfigurationFile(parsing: text)
        } catch {
            throw CommandFailure(
                .badInput, "\(path):\(error.line): \(error.sentence).",
                remedy: "It holds lines like: url = \"http://127.0.0.1:8787\"")
        }
    }

    /// Whether others than its owner may read or change the file at `path`.
    static func isOpenToOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    private static func warnOfReaders(_ path: String, holdsKey: Bool) {
        guard holdsKey, isOpenToOthers(path) else { return }
        // A command may read its settings twice; once is enough to be told.
        let isFirst = wasWarned.withLock { was in
            defer { was = true }
            return !was
        }
        guard isFirst else { return }
        Terminal.complain(
            "Warning: \(path) holds a key and others can read it: chmod 600 \(Terminal.quoted(path))")
    }
}

extension ConfigurationFile {
    var holdsKey: Bool { base.key != nil || profiles.values.contains { $0.key != nil } }
}

/// The process's environment, where an empty variable is none.
enum Environment {
    static func value(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The user's own folder, without HOME that of the system's list of users: as services and cron start us, the
    /// folder that we happen to be in would get files that the next start does not find.
    static var home: String { value("HOME") ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/" }

    /// What `variable` names, or a folder at home. XDG Base Directory Specification: a relative path is ignored.
    static func folder(_ variable: String, inHome name: String) -> String {
        value(variable).flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(home)/\(name)"
    }
}
