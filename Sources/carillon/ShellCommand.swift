internal import CarillonClient
internal import Foundation
internal import Reactor

/// Runs a shell command once per change, each run watched by a thread that waits for its end.
///
/// By posix_spawn and not by Foundation's Process: a run costs no descriptor once it has ended, and nothing but the
/// thread that watches it. The input is a file in memory: a command that reads none of it, or reads it late, holds up
/// nobody, whatever its size.
final class ShellCommand: Sendable {
    /// How a run ended.
    struct End: Sendable {
        let number: Int
        /// Nil when all went well.
        let trouble: String?
    }

    private let command: String
    private let ends = Guarded<[End]>([])
    private let running = Guarded<Set<pid_t>>([])
    private let onEnd: @Sendable () -> Void

    /// - Parameter onEnd: called on any thread when there is something to take.
    init(_ command: String, onEnd: @escaping @Sendable () -> Void) {
        self.command = command
        self.onEnd = onEnd
    }

    /// Starts a run; its end comes by `takeEnds`.
    func start(_ number: Int, variables: [(String, String)], input: [UInt8]) {
        let isStarted = Watcher.start { [self] in end(number, run(variables, input)) }
        // Tried again as any run that failed; told by the same way, for whoever started it is not ready to hear of it.
        if !isStarted { end(number, "there is no room for a thread that watches it") }
    }

    private func end(_ number: Int, _ trouble: String?) {
        ends.withLock { $0.append(End(number: number, trouble: trouble)) }
        onEnd()
    }

    func takeEnds() -> [End] {
        ends.withLock { taken in
            defer { taken = [] }
            return taken
        }
    }

    /// Sends `signal` to the running commands and what they have started.
    func signal(_ number: Int32) {
        running.withLock { for process in $0 { kill(-process, number) } }
    }

    private func run(_ variables: [(String, String)], _ input: [UInt8]) -> String? {
        var process: pid_t = 0
        let code: Int32
        do throws(ReactorError) {
            let file = try MemoryFile(input)
            code = spawn(&process, variables, input: file.descriptor)
        } catch {
            return "there is no room for its input: \(error.description)"
        }
        guard code == 0 else { return "it cannot be started: \(ShellCommand.reason(code))" }
        return wait(for: process)
    }

    private func spawn(_ process: inout pid_t, _ variables: [(String, String)], input: Int32) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        // We ignore these; a command is to meet them as any other does.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A group of its own: Ctrl-C in the terminal stops the tail, which then waits for it.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var environment = ProcessInfo.processInfo.environment
        for (name, value) in variables { environment[name] = value }
        return ShellCommand.withCStrings(["/bin/sh", "-c", command]) { arguments in
            ShellCommand.withCStrings(environment.map { "\($0)=\($1)" }) { variables in
                running.withLock { running in
                    let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, variables)
                    if code == 0 { running.insert(process) }
                    return code
                }
            }
        }
    }

    /// Blocks until the process has ended; nil when it ended well.
    private func wait(for process: pid_t) -> String? {
        var information = siginfo_t()
        // Its number is ours until it is reaped: only then may it be that of another, whom we do not signal.
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        let isReaped = running.withLock { running in
            running.remove(process)
            return waitpid(process, &status, 0) == process
        }
        guard isReaped else { return "its end was not told" }
        // wait(2): the low seven bits are the signal, the next byte is the exit code.
        let signal = status & 0x7f
        if signal != 0 { return "signal \(signal) (\(ShellCommand.name(ofSignal: signal)))" }
        let exitCode = status >> 8 & 0xff
        return exitCode == 0 ? nil : "exit code \(exitCode)"
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func name(ofSignal number: Int32) -> String {
        strsignal(number).map { String(cString: $0) } ?? "unknown"
    }
}

/// A thread that says whether it could be made: Foundation's Thread loses its work where it could not.
private enum Watcher {
    /// Environments and arguments are on the heap; a spawn and a wait need little.
    private static let stackBytes = 256 << 10

    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { pointer in
                if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        if code != 0 { work.release() }
        return code == 0
    }
}
