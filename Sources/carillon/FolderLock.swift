internal import Foundation

/// One hub per data folder: two of them would not hear each other's commits.
final class FolderLock {
    private let descriptor: Int32

    /// The kernel lets the lock go when the process ends, however it ends.
    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .inputOutput, "Cannot write \(path): \(String(cString: strerror(errno))).",
                remedy: "Name another data folder with --data.")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(
                .hubUnavailable, "Another hub runs on this data folder (it holds \(path)).",
                remedy: "Use that one, stop it, or name another folder with --data.")
        }
    }

    deinit { close(descriptor) }
}
