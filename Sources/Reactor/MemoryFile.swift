internal import CLinux
internal import Glibc

/// A file without a name that lives in memory (memfd_create(2)): the input of a process, which reads it when it likes.
///
/// A pipe holds 64 KiB, and whoever writes more waits for its reader. Closed when it is let go.
public struct MemoryFile: ~Copyable, Sendable {
    public let descriptor: Int32

    /// A file that holds `bytes` and is read from its beginning.
    public init(_ bytes: [UInt8]) throws(ReactorError) {
        let file = memfd_create("carillon", carillon_memfd_cloexec)
        guard file >= 0 else { throw .system(call: "memfd_create", code: errno) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = errno
                close(file)
                throw .system(call: "write", code: code)
            }
            done += count
        }
        lseek(file, 0, SEEK_SET)
        descriptor = file
    }

    deinit { close(descriptor) }
}
