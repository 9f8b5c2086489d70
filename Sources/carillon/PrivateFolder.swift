internal import Foundation

/// The data folder's files, and who but their owner may read them: bodies are people's notes, and keys open them.
enum PrivateFolder {
    /// Nothing that this process makes from here on is for others, whatever it was started with.
    static func makePrivate() { _ = umask(0o077) }

    /// Closes to others what the hub keeps in `folder`, and says so; that the folder is open is only said, for it may
    /// be shared on purpose.
    static func tighten(_ folder: String) {
        var found: [String] = []
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where isOurs(name) && close(folder + "/" + name) { found.append(name) }
        if !found.isEmpty {
            Terminal.complain(
                "Others could read \(found.joined(separator: ", ")) in \(folder). Now nobody but its owner can; what "
                    + "was read before was read: make new keys if others have accounts here.")
        }
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & 0o077 != 0 else { return }
        Terminal.complain("Others may look into \(folder): chmod 700 \(Terminal.quoted(folder))")
    }

    /// Whether it was open.
    private static func close(_ path: String) -> Bool {
        var status = stat()
        // Of a link the mode is that of a file elsewhere, which is not ours to change.
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_mode & 0o077 != 0
        else { return false }
        return chmod(path, status.st_mode & 0o700) == 0
    }

    private static func isOurs(_ name: String) -> Bool {
        name.hasPrefix("carillon.db") || name == "first-key" || name == "hub.lock" || name.hasSuffix(".key")
            || name.hasSuffix("key.pem")
    }
}
