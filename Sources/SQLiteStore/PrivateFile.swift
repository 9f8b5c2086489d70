internal import Foundation
internal import Storage

/// Files that nobody but their owner reads: bodies are other people's notes.
enum PrivateFile {
    /// Creates folder (0700) and file (0600) where they are missing, and closes an existing file to others. SQLite
    /// gives its `-wal` and `-shm` files the mode of the database.
    static func prepare(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            if !FileManager.default.fileExists(atPath: folder) {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
            // O_EXCL: opening and closing a database that is in use would drop this process's locks on it.
            let descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
            if descriptor >= 0 { close(descriptor) }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        } catch {
            throw StoreError.unavailable("\(path) cannot be created: \(error.localizedDescription)")
        }
    }
}
