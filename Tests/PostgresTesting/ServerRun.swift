internal import Foundation
internal import Glibc

/// One run of a server, by `.ci/postgres hold`, which ends it when our end of its input is closed.
final class ServerRun: Sendable {
    /// Where it can be reached, as libpq takes it.
    let address: String
    private let input: Int32
    private let process: pid_t

    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".ci/postgres").path

    init(folder: URL, options: PostgresServer.Options) throws {
        var arguments = ["bash", ServerRun.script, "hold", folder.path, "--remove"]
        for (name, value) in options.settings.sorted(by: { $0.key < $1.key }) {
            arguments += ["-c", "\(name)=\(value)"]
        }
        if options.hasTLS { arguments.append("--tls") }
        if let size = options.smallDiskMiB { arguments += ["--small-disk", String(size)] }
        let input = try ServerRun.pipe()
        let output = try ServerRun.pipe()
        let errors = try ServerRun.pipe()
        process = try ServerRun.spawn(arguments, input: input.read, output: output.write, errors: errors.write)
        for descriptor in [input.read, output.write, errors.write] { close(descriptor) }
        self.input = input.write
        // The server holds neither: both end with the script's first line, or with the script.
        let line = ServerRun.firstLine(output.read)
        close(output.read)
        guard let line else {
            let reason = ServerRun.firstLine(errors.read) ?? "the script .ci/postgres said nothing"
            close(errors.read)
            close(input.write)
            var status: Int32 = 0
            waitpid(process, &status, 0)
            throw ServerFailure(reason)
        }
        close(errors.read)
        address = line
    }

    /// Returns when the server has gone.
    func end() {
        close(input)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    /// Both ends are closed in programs that anybody starts meanwhile: a server would outlive us by them. A pair of
    /// sockets, because Swift's Glibc has no pipe2, which does that in one step.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw ServerFailure("no pair of sockets: \(String(cString: strerror(errno)))")
        }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ arguments: [String], input: Int32, output: Int32, errors: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        var words = arguments.map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var process: pid_t = 0
        let result = posix_spawnp(&process, "bash", &actions, nil, words, environ)
        guard result == 0 else { throw ServerFailure("bash does not start: \(String(cString: strerror(result)))") }
        return process
    }

    private static func firstLine(_ descriptor: Int32) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1, byte != UInt8(ascii: "\n") else { break }
            bytes.append(byte)
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
