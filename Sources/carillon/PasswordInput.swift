internal import Foundation
internal import Hub

/// A password of standard input. Never of the command line, which shows in the list of processes.
enum PasswordInput {
    /// Longest line that is read, its end left out.
    private static let bytesMax = 1_024

    static func read() throws -> String {
        if isatty(STDIN_FILENO) == 1 { Terminal.complain("Type the password and Enter; it shows on the screen.") }
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count <= bytesMax {
            let count = Foundation.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1, byte != UInt8(ascii: "\n") else { break }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard (8...bytesMax).contains(bytes.count) else {
            throw CommandFailure(
                .badInput, "A password has 8 to \(bytesMax) bytes, and this one has \(bytes.count).",
                remedy: "Give it as the first line of standard input.")
        }
        guard let password = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.badInput, "The password is no UTF-8 text.")
        }
        return password
    }
}

extension CommandFailure {
    init(_ error: PasswordError, _ what: String) {
        switch error {
        case .store(let error): self.init(error, what)
        case .form: self.init(.badInput, "\(what): a password has 8 to 1024 bytes, and no zero among them.")
        case .overloaded: self.init(.temporary, "\(what): too many passwords are being hashed. Try again.")
        }
    }
}
