import Foundation
import Glibc

/// A process of the built `carillon`, with its output collected. Ended when it is let go.
final class Program: @unchecked Sendable {
    // @unchecked: `output` is reached under `lock` only; `process` is used by the test's thread.
    let process = Process()
    private let lock = NSLock()
    private var output: [UInt8] = []
    private var errors: [UInt8] = []
    private var openPipes = 2

    /// Where `swift build` put the executable: beside the test bundle.
    static let path: String = {
        if let named = ProcessInfo.processInfo.environment["CARILLON_BINARY"] { return named }
        var folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appending(path: "carillon")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate.path }
            folder = folder.deletingLastPathComponent()
        }
        return "carillon"
    }()

    init(_ arguments: [String], environment: [String: String] = [:], executable: String = Program.path) throws {
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let out = Pipe()
        let err = Pipe()
        process.standardOutput = out
        process.standardError = err
        try process.run()
        collect(out, isError: false)
        collect(err, isError: true)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Reads to the end on a thread of its own. Not by a readability handler: that one may be called with nothing to
    /// read, which looks like the end.
    private func collect(_ pipe: Pipe, isError: Bool) {
        let handle = pipe.fileHandleForReading
        let thread = Thread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = read(handle.fileDescriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                self?.keep(Data(buffer[..<max(count, 0)]), isError: isError)
                if count <= 0 { return }
            }
        }
        thread.start()
    }

    private func keep(_ data: Data, isError: Bool) {
        lock.withLock {
            if data.isEmpty { openPipes -= 1 }
            if isError { errors += data } else { output += data }
        }
    }

    var text: String { lock.withLock { String(decoding: output, as: UTF8.self) } }
    var errorText: String { lock.withLock { String(decoding: errors, as: UTF8.self) } }
    /// The whole lines so far.
    var lines: [Substring] {
        let text = text
        guard let end = text.lastIndex(of: "\n") else { return [] }
        return text[..<end].split(separator: "\n")
    }

    func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// Waits until `condition`; false when `seconds` have passed or the process has ended without it.
    func wait(seconds: Double = 30, until condition: (Program) -> Bool) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while Date() < deadline {
            if condition(self) { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return condition(self)
    }

    /// Waits for the end; nil when it has not ended in time.
    func exitStatus(seconds: Double = 60) -> Int32? {
        guard wait(seconds: seconds, until: { !$0.process.isRunning }) else { return nil }
        _ = wait(seconds: 10) { program in program.lock.withLock { program.openPipes == 0 } }
        return process.terminationStatus
    }
}
