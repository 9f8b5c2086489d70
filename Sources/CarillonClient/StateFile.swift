internal import Foundation
public import Wire

/// Where a tail keeps its cursor: one small file, replaced as a whole or not at all.
public struct StateFile: Sendable {
    private struct Content: Codable {
        var cursor: String
    }

    public struct Failure: Error, Sendable {
        public let sentence: String
    }

    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// The cursor; nil where there is no file yet.
    public func load() throws(Failure) -> Cursor? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let content = try JSONDecoder().decode(Content.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            return try Cursor(parsing: content.cursor)
        } catch {
            throw Failure(sentence: "\(path) holds no cursor of ours")
        }
    }

    /// Writes beside the file, syncs and renames: a crash leaves the old cursor or the new one.
    public func save(_ cursor: Cursor) throws(Failure) {
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try? FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let draft = "\(path).\(getpid()).draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", draft) }
        let bytes = Array("{\"cursor\":\"\(cursor.text)\"}\n".utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        guard close(descriptor) == 0, isWritten, rename(draft, path) == 0 else {
            let told = failure("write", path)
            unlink(draft)
            throw told
        }
    }

    private func failure(_ verb: String, _ path: String) -> Failure {
        Failure(sentence: "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
