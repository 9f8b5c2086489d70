internal import Foundation
internal import Wire

/// The terminal, if there is one.
enum Terminal {
    /// A line on standard error, where it does not mix with what a pipe carries on.
    ///
    /// What a hub or a file said may be in it: nothing of that speaks to the terminal, and no secret goes out.
    static func complain(_ line: String) {
        write(toError: LineText.shown(LineText.withoutSecrets(line), keepsBreaks: true) + "\n")
    }

    static func write(toError text: String) {
        // What cannot be told to anybody is no reason to stop.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// Says that figures of this build say nothing, where that is so.
    static func complainOfDebugBuild() {
        #if DEBUG
            complain("This is a debug build: it is many times slower than the release build of `make build`.")
        #endif
    }

    /// Fills the places of standard input, output and error where we were started without them: the next socket would
    /// take one of these numbers, and be read as input or written into as output. What was closed stays unusable: each
    /// is opened for the way that it is not used.
    static func holdStandardDescriptors() {
        for (descriptor, way) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number, and so this one.
            _ = open("/dev/null", way)
        }
    }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Columns of standard output: of the terminal, or of COLUMNS, or 100.
    static var columns: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text), columns > 0 {
            return columns
        }
        return 100
    }

    /// `text` as one word of a shell's command line.
    static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        return plain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
