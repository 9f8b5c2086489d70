internal import Foundation

/// Files that are their owner's alone, from their first byte on.
enum PrivateFile {
    /// Writes a file that must not exist yet.
    static func create(_ path: String, _ text: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            throw CommandFailure(
                .inputOutput, "Cannot make \(path): \(String(cString: strerror(code))).",
                remedy: code == EEXIST ? "Move it away, or name another folder." : "Name another folder.")
        }
        defer { close(descriptor) }
        guard writeAll(descriptor, Array(text.utf8)), fsync(descriptor) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(path)
            throw CommandFailure(.inputOutput, "Cannot write \(path): \(reason).")
        }
    }

    /// Writes a file in place of the one that is there; whoever reads has the old or the new one, whole.
    static func replace(_ path: String, _ text: String) throws {
        let fresh = "\(path).new-\(getpid())"
        unlink(fresh)
        try create(fresh, text)
        guard rename(fresh, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(fresh)
            throw CommandFailure(.inputOutput, "Cannot write \(path): \(reason).")
        }
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Makes a folder for its owner alone, where it does not exist.
    static func createFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(.inputOutput, "Cannot make the folder \(path).", remedy: "Name another one.")
        }
    }

    /// The text of a file that must be there.
    static func text(_ path: String, _ what: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(
                .inputOutput, "Cannot read \(what) \(path).", remedy: "See that it is there and yours.")
        }
        return text
    }
}
