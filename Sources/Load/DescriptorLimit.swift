internal import Glibc

/// How many descriptors this process, and what it starts, may have: one for each connection.
public enum DescriptorLimit {
    /// Loops, files, standard streams.
    private static let spare = 64

    static func needed(by plan: LoadPlan) -> Int { needed(connections: plan.deviceCount) }

    public static func needed(connections: Int) -> Int { connections + spare }

    /// Raises the soft limit to the hard one, and both to `wanted` where we may; returns what is in force.
    @discardableResult
    public static func raise(to wanted: Int) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        var raised = limit
        raised.rlim_max = max(limit.rlim_max, rlim_t(max(0, wanted)))
        raised.rlim_cur = raised.rlim_max
        if setrlimit(resource, &raised) != 0 {
            // Only root may raise the hard limit.
            raised.rlim_max = limit.rlim_max
            raised.rlim_cur = limit.rlim_max
            setrlimit(resource, &raised)
        }
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }
}
