internal import CarillonClient
internal import Foundation

/// A file that a command reads, or standard input where it is named `-`.
enum InputFile {
    static func open(_ path: String) throws -> Int32 {
        if path == "-" {
            if isatty(STDIN_FILENO) == 1 { Terminal.complain("Reading from the terminal; end with Ctrl-D.") }
            return STDIN_FILENO
        }
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.inputOutput, "Cannot read \(path): \(String(cString: strerror(errno))).")
        }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            close(descriptor)
            throw CommandFailure(.inputOutput, "Cannot read \(path): \(String(cString: strerror(EISDIR))).")
        }
        return descriptor
    }

    /// Bytes of a regular file; nil for what has no end yet.
    static func size(of descriptor: Int32) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// All of a file or a pipe, where it is not longer than `bytesMax`.
    static func contents(_ path: String, bytesMax: Int) throws -> [UInt8] {
        let descriptor = try open(path)
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(.inputOutput, "Cannot read \(path): \(String(cString: strerror(errno))).")
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= bytesMax else {
                throw CommandFailure(.badInput, "\(path) has over \(bytesMax >> 20) MiB, more than a body may have.")
            }
        }
    }

    static func next(_ reader: inout LineReader, of path: String) throws -> LineReader.Line? {
        do throws(LineReader.Failure) {
            return try reader.next()
        } catch {
            throw CommandFailure(.inputOutput, "Cannot read \(path): \(error.sentence).")
        }
    }
}
