internal import CarillonClient
internal import Foundation

/// A file that a command reads, or standard input where it is named `-`.
enum InputFile {
    static func open(_ path: String) throws -> Int32 {
        if path == "-" {
            if isatty(STDIN_FILENO) == 1 { Terminal.complain("Reading changes from the terminal; end with Ctrl-D.") }
            return STDIN_FILENO
        }
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.inputOutput, "Cannot read \(path): \(String(cString: strerror(errno))).")
        }
        return descriptor
    }

    /// Bytes of a regular file; nil for what has no end yet.
    static func size(of descriptor: Int32) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    static func next(_ reader: inout LineReader, of path: String) throws -> LineReader.Line? {
        do throws(LineReader.Failure) {
            return try reader.next()
        } catch {
            throw CommandFailure(.inputOutput, "Cannot read \(path): \(error.sentence).")
        }
    }
}
