internal import Foundation

/// What the kernel says of a process: /proc/PID (proc(5)).
public struct ProcessProbe: Sendable {
    public let pid: Int32

    public init(pid: Int32) { self.pid = pid }

    /// CPU time, in seconds.
    public struct CPUTime: Sendable, Equatable {
        public var user: Double
        public var system: Double
        public var total: Double { user + system }
    }

    /// Nil: there is no such process, or we may not look.
    public var cpuTime: CPUTime? {
        guard let text = read("stat"), let ticks = Self.ticks(stat: text) else { return nil }
        let perSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        return CPUTime(user: Double(ticks.user) / perSecond, system: Double(ticks.system) / perSecond)
    }

    /// Resident memory, in bytes.
    public var residentBytes: Int? {
        guard let text = read("status") else { return nil }
        return Self.kibibytes(status: text, field: "VmRSS").map { $0 * 1_024 }
    }

    /// Open descriptors; nil: there is no such process, or we may not look.
    public var descriptorCount: Int? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd"))?.count
    }

    /// utime and stime: the 14th and 15th fields, counted behind the name, which may hold spaces and brackets.
    static func ticks(stat: String) -> (user: Int, system: Int)? {
        guard let bracket = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else { return nil }
        return (user, system)
    }

    static func kibibytes(status: String, field: String) -> Int? {
        for line in status.split(separator: "\n") where line.hasPrefix(field + ":") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
        }
        return nil
    }

    private func read(_ name: String) -> String? {
        FileManager.default.contents(atPath: "/proc/\(pid)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    /// The process that listens on a port of this machine, by the socket's inode; nil: none that we may see.
    public static func listening(on port: UInt16) -> ProcessProbe? {
        let inodes = Set(
            ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { path in
                let table = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
                return Self.listeningInodes(table: table ?? "", port: port)
            })
        guard !inodes.isEmpty, let entries = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else {
            return nil
        }
        let names = Set(inodes.map { "socket:[\($0)]" })
        for entry in entries {
            guard let pid = Int32(entry),
                let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
            else { continue }
            for descriptor in descriptors {
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(pid)/fd/\(descriptor)")
                if let target, names.contains(target) { return ProcessProbe(pid: pid) }
            }
        }
        return nil
    }

    /// Of /proc/net/tcp: local address `ADDRESS:PORT` in hexadecimal, state 0A for listening, the inode tenth.
    static func listeningInodes(table: String, port: UInt16) -> [String] {
        table.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                UInt16(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            return String(fields[9])
        }
    }
}
