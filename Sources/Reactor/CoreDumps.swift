internal import CLinux
internal import Glibc

/// What the kernel would write of this process's memory to a disk when it dies: keys and passwords are in it.
public enum CoreDumps {
    /// From here on there are none, and only root attaches a debugger or reads the memory by /proc. False where the
    /// kernel refused.
    ///
    /// Both are needed: a kernel that hands its dumps to a program passes over the limit (core(5)).
    public static func forbid() -> Bool {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        // The kernel may have given us a hard limit of 0 already.
        let isLimited = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0
        return carillon_forbid_dumps() == 0 && isLimited
    }
}
