internal import Foundation

/// What the kernel says of this process, by the names that Prometheus' clients give it.
struct ProcessFigures {
    var cpuNanoseconds: UInt64 = 0
    var residentBytes: Int?
    var openFiles: Int?
    var openFilesMax: UInt64?
    var startedAt: Int64?

    private static let startedAtSeconds = Int64(Date().timeIntervalSince1970 - ProcessInfo.processUptimeSeconds)

    static var now: ProcessFigures {
        var figures = ProcessFigures()
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            for time in [usage.ru_utime, usage.ru_stime] {
                figures.cpuNanoseconds += UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1_000
            }
        }
        if let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
            .split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        {
            figures.residentBytes = pages * sysconf(Int32(_SC_PAGESIZE))
        }
        figures.openFiles = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            figures.openFilesMax = UInt64(limit.rlim_cur)
        }
        figures.startedAt = startedAtSeconds
        return figures
    }

    func write(to page: inout MetricsPage) {
        page.process(
            "cpu_seconds_total", .counter, "User and system CPU time in seconds.", MetricsPage.seconds(cpuNanoseconds))
        if let residentBytes {
            page.process("resident_memory_bytes", .gauge, "Resident memory in bytes.", String(residentBytes))
        }
        if let openFiles { page.process("open_fds", .gauge, "Open file descriptors.", String(openFiles)) }
        if let openFilesMax { page.process("max_fds", .gauge, "The most there may be.", String(openFilesMax)) }
        if let startedAt {
            page.process(
                "start_time_seconds", .gauge, "Start of the process, in seconds since 1970.", String(startedAt))
        }
    }
}

extension ProcessInfo {
    /// Seconds since the process began: field 22 of `/proc/self/stat` (proc(5)), which counts clock ticks since the
    /// machine's start. The fields begin behind the name, which may hold anything, and ends with the last bracket.
    fileprivate static var processUptimeSeconds: Double {
        guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")"),
            let ticks = stat[end...].split(separator: " ").dropFirst(20).first.flatMap({ Double($0) })
        else { return 0 }
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return max(0, Double(time.tv_sec) - ticks / Double(max(sysconf(Int32(_SC_CLK_TCK)), 1)))
    }
}
