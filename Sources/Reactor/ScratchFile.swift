internal import CLinux
internal import Glibc

/// A file without a name on a disk: what is too long for memory waits in it, and is gone with it.
///
/// For its owner alone (mode 0600), and closed when it is let go: also a process that is killed leaves nothing behind.
/// Every call may block on the disk.
public final class ScratchFile: Sendable {
    private let descriptor: Int32

    /// - Parameter folder: which decides on the disk. It has to be there.
    /// - Throws: `ReactorError.system` with the errno: ENOSPC, EDQUOT, EACCES, EMFILE.
    public init(in folder: String) throws(ReactorError) {
        var file = open(folder, carillon_tmpfile | O_RDWR | O_CLOEXEC, 0o600)
        // EISDIR: a kernel that does not know the flag; the others: a file system that cannot (open(2)).
        if file < 0, errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL {
            file = ScratchFile.unlinked(in: folder)
        }
        guard file >= 0 else { throw .system(call: "open", code: errno) }
        descriptor = file
    }

    deinit { close(descriptor) }

    private static func unlinked(in folder: String) -> Int32 {
        let path = "\(folder)/.carillon-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if file >= 0 { unlink(path) }
        return file
    }

    /// Writes all of `bytes` from `offset` on.
    public func write(_ bytes: [UInt8], at offset: Int) throws(ReactorError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(call: "pwrite", code: count < 0 ? errno : ENOSPC) }
            done += count
        }
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end.
    public func read(count: Int, at offset: Int) throws(ReactorError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let read = pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
                if read < 0, errno == EINTR { continue }
                if read < 0 { code = errno }
                guard read > 0 else { break }
                done += read
            }
        }
        guard code == 0 else { throw .system(call: "pread", code: code) }
        return bytes
    }

    /// Whether the disk or the quota is full.
    public static func isFull(_ error: ReactorError) -> Bool {
        guard case .system(_, let code) = error else { return false }
        return code == ENOSPC || code == EDQUOT || code == EFBIG
    }
}
